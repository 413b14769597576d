// Every sentence of these pages that is not in their HTML, in one place.

import { count, duration, rate } from "../words.js";

export { count, duration };

export const NO_ANSWER = "The service did not answer. Is it still running?";
export const GONE = "The service does not answer: trying again. What you see is old.";
export const goneFor = (s) => `For ${duration(s)}. Is the window with hadua-serve still open?`;
export const ASKED = "Got";
export const EXPECTED = "Expected";
export const TRY = "What to try";

export const SESSION_STATE = {
  starting: ["Starting", "off"],
  waiting: ["Looking for its streams", "warn"],
  running: ["Running", "good"],
  degraded: ["Running with less than it was started with", "warn"],
  stopped: ["Stopped", "off"],
  failed: ["Failed", "bad"],
  open: ["Not over yet", "good"],
  interrupted: ["Cut off: the service was ended", "bad"],
};
export const OVER = new Set(["stopped", "failed"]);

export const CONSENT = {
  given: ["On record", "good"],
  withdrawn: ["Withdrawn", "bad"],
  none: ["None", "warn"],
};
export const RECORDING_STATE = {
  recording: ["Recording", "good"],
  stopped: ["File closed", "off"],
  failed: ["Failed", "bad"],
  none: ["Not recorded", "off"],
};

// Where the service's own hint is meant for programs, what to do with these pages.
export const HINT = {
  "participant-busy": "Stop it first, on the page Sessions.",
  "consent-missing": "Show the notice, then record the consent on the page Participants.",
  "participant-unknown": "Was it erased, or misspelt? The page Participants lists who is entered.",
  "invalid-request": "",
};

export const who = (me) => (me.with_token ? `${me.name} · ${me.role}` : "");
export const mayNot = (what, needed, me) =>
  `${what} needs the role ${needed}; you are ${me.name}, with the role ${me.role}. Ask an admin for another token.`;

export const number = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const moment = (unix) =>
  Number.isFinite(unix) ? new Date(unix * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short", hour12: false }) : "–";
export const exactly = (unix) => new Date(unix * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false });

export const stream = (s) => `${s.name} (${s.type || "no type"}, ${s.hostname})`;
export const streamRate = (s) => (s.rate_hz ? rate(s.rate_hz) : "irregular");

export function megabytes(bytes) {
  if (!Number.isFinite(bytes)) return "–";
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

export function erased(gone) {
  const parts = [
    number(gone.sessions, "session"), number(gone.frames, "message"), number(gone.consents, "consent"),
    number(gone.profiles, "profile"), number(gone.recordings, "recording"), number(gone.files, "file"),
  ];
  const away = gone.out_of_reach.map((folder) => ` Not there, so not looked into: ${folder}. Once it is, erase again.`);
  return `Erased: ${parts.join(", ")}.${away.join("")}`;
}

export const READING = "Reading …";
export const NOBODY = "Nobody is entered yet.";
export const ONE_PARTICIPANT = "One participant";
export const CHOOSE = "Choose a participant on the list.";
export const people = (n, more) => (more ? `The first ${count(n)}.` : number(n, "participant") + ".");
export const entered = (id) => `${id} is entered. Next: show the notice, and record the consent.`;
export const TO_ENTER = "To enter a participant";
export const TO_CONSENT = "To record or withdraw a consent";
export const TO_EXPORT = "To export what is kept of a participant";
export const TO_ERASE = "To erase a participant";
export const SHOW_NOTICE = "Show the participant the notice first. No session of theirs starts without a consent on record.";
export const WITHDRAWING = "Sessions of theirs that run are stopped, and no other starts. What is kept stays until it is erased.";
export const ERASING = "Their sessions, predictions, consents, profiles and recordings are deleted from the disk, at once and for good. What stays: entries in the log that name nobody.";
export const AT_WORK = "At work";
export const START_ONE = "Start a session with them";
export const newestOf = (n) => `The newest ${count(n)}; the page Sessions has all.`;
// The service closes at its start what an earlier one left open: what has no end goes on.
export const keptState = (s) => (s.ended_unix === null ? "open" : s.state);
export const lasted = (s) => (s.ended_unix === null ? "–" : duration(s.ended_unix - s.started_unix));

export const TO_START = "To start a session";
export const TO_STOP = "To stop a session";
export const TO_RECORD = "To record a session";
export const TO_SEE_FILES = "To see the files";
export const TO_SEE_SETTINGS = "To see the settings";
export const TO_SEE_LOG = "To see the log";
export const NO_SESSION = "No session yet.";
export const STOPPING = "It ends at once, and so does its recording. What it said is kept.";
export const SEARCHING = "Searching …";
export const NO_STREAM = "No stream answers. Is the device switched on, and does its program send to Lab Streaming Layer? “hadua doctor” looks further.";
export const SEARCH_FIRST = "None: search first";
export const NOT_USED = "None: not used";
export const SIMULATED = "A simulated person: to rehearse";
export const TYPED = "Another SOURCE …";
export const OTHER_TYPES = "Streams of other types";
export const NO_PARTICIPANT = "Nobody: a test without a participant";
export const choice = (p) => (p.consented ? p.id : `${p.id} (no consent on record)`);
export const kept = (n, more) => (n === 0 ? "Nothing is kept yet." : more ? `The newest ${count(n)}.` : number(n, "session") + ".");
export const answers = (n, without) => count(n) + (without ? `, ${count(without)} without an answer` : "");
export const beginning = (id, status) => `${id}: ${SESSION_STATE[status.state][0].toLowerCase()} … ${status.reason}`;
export const begun = (id, state) => `${id}: ${(SESSION_STATE[state]?.[0] ?? state).toLowerCase()}.`;
export const NOTHING_TO_RECORD = "No session runs. Start one on the page Sessions.";

export const NO_FILE = "No recording lies on the disk.";
export const recordings = (n, more) => `${more ? "The newest " : ""}${number(n, "recording")}${more ? "" : ", newest first"}.`;
export const outOfReach = (folders) => `Not there now, though recorded into: ${folders.join(", ")}.`;
export const NOBODYS = "nobody";
export const DOES_NOT_SAY = "does not say";

export const ROLE = {
  viewer: { name: "viewer: sees", may: "Sees sessions, predictions and streams; changes nothing." },
  operator: { name: "operator: runs sessions", may: "Starts and stops sessions, records, calibrates, enters participants and their consent." },
  admin: { name: "admin: everything", may: "Erases and exports, reads the log and the settings, gives and takes tokens." },
};
export const TO_SEE_TOKENS = "To see and make tokens";
export const TOKENS_ASKED = "Whoever comes without one of these tokens is turned away.";
export const TOKENS_NOT_ASKED = "This service asks nobody for a token, because it listens to this machine alone. Tokens that are made here count once it is started for others (--host).";
export const NO_TOKEN = "No token is in force.";
export const tokens = (n) => `${number(n, "token")} in force. None can be shown again.`;
export const tokenMade = (made) => `The token of ${made.name}, ${made.role}. It is shown this once: copy it now.`;
export const COPY = "Copy";
export const COPIED = "Copied.";
export const COPY_YOURSELF = "It is marked: copy it with the keyboard.";
export const HIDE = "Done: hide it";
export const REVOKE = "Take it back";
export const revoke = (name) => `Take back the token of ${name}`;
export const REVOKING = "Whoever uses it is turned away within two seconds. It cannot be given again; a new one can.";
export const REVOKING_YOURS = "It is the token that this page uses: you will be turned away within two seconds, and need another one of an admin.";
export const yours = (name) => `${name} (yours)`;

export const SECRET = "Set; not shown";
export const settings = (n, changed) => `${number(n, "setting")} shown; ${count(changed)} differ from their default.`;
export function value(v) {
  if (v === null || (Array.isArray(v) && v.length === 0)) return "–";
  if (typeof v === "boolean") return v ? "yes" : "no";
  return Array.isArray(v) ? v.join(", ") : String(v);
}

export const readSoFar = (n) => `Reading: ${count(n)} entries so far …`;
export const entries = (n, all) => (all === 0 ? "Nothing happened yet." : n < all ? `The newest ${count(n)} of ${count(all)} entries.` : `${number(all, "entry", "entries")}.`);
export function detail(text) {
  try {
    return Object.entries(JSON.parse(text)).map(([key, v]) => `${key.replaceAll("_", " ")}: ${v}`).join(", ") || "–";
  } catch {
    return text;
  }
}
