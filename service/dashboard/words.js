// Every sentence the operator reads, in one place.

export const MODALITY = { eeg: "EEG (brain)", eye: "Eye tracking", gaze: "Eye tracking" };

export const MODALITY_STATE = {
  used: ["Used", "good"],
  missing: ["Missing: no usable samples in this window", "bad"],
  masked: ["Not used: too little of the signal is good enough", "bad"],
  unmapped: ["Not used: the device covers too little of what the model needs", "bad"],
  "not connected": ["Not connected", "off"],
  "not in model": ["Not used by this model", "off"],
};

export const filling = (window_s) => [`Not yet: it needs its first ${window_s} s`, "off"];

export const STREAM_STATE = {
  found: ["Found, not started", "off"],
  live: ["Live", "good"],
  stale: ["Late: samples have stopped coming", "warn"],
  lost: ["Lost: the device is gone", "bad"],
  back: ["Back: samples arrive again", "good"],
  changed: ["Back, but changed: check the device", "bad"],
  waiting: ["Looking for it: is the device streaming?", "warn"],
  ended: ["Ended: the recording is over", "off"],
};

export const FLOWING = new Set(["live", "back", "changed"]);
export const LAG_SAID_BY = { operator: "as you said", stream: "as the device says" };

export const MAPPING_STATE = {
  confirmed: ["Confirmed", "good"],
  unconfirmed: ["Not confirmed yet", "warn"],
  changed: ["Changed since it was confirmed", "bad"],
};
export const SIMULATED = "simulated";
export const CONFIRM_MAPPING = "This is right: remember it";
export const CONFIRM_MAPPING_WHY = "The channels below are where the list says. You are asked once per device.";

// What was last heard of a stream, once nothing is heard of it any more.
export const OLD_STREAM = {
  ended: ["No longer read", "off"], lost: ["Not known now", "off"], silent: ["Not known now", "off"],
};

export const STAGE = {
  wait: "Waiting for the other signal",
  queue: "Waiting for its turn",
  features: "Computing features",
  model: "Running the model",
  route: "Passing it on",
  total: "In total",
};

const WHY_HERE = {
  late: "the pool was too late", busy: "the pool was still at the window before", failed: "the pool failed", away: "the pool is away",
};

// As the frame says it: "pool ADDRESS, replica 2", "here", "here: pool late".
export function computed(where) {
  const [place, why] = where.split(": pool ");
  if (place !== "here") return `By the ${where.replace(/, service$/, "")}`;
  return why ? `Here: ${WHY_HERE[why] ?? `pool ${why}`}` : "Here";
}

export const modalityName = (key) => MODALITY[key] ?? key;
export const stageName = (key) => STAGE[key] ?? key;
export const stateWords = (table, key) => table[key] ?? [String(key ?? "unknown"), "off"];

export const person = (streams) =>
  Object.values(streams).some((s) => s.source?.startsWith("sim:")) ? "Simulated person" : "Marked state";

// The true state beside the answer: a sign, and words for those who do not see it.
export function verdict({ kind, since_s }) {
  if (kind === "agrees") return "✓ The answer agrees.";
  if (kind === "differs") return "✗ The answer differs.";
  if (kind === "changed") return since_s < 1 ? "… Just changed: give it a moment." : `… Changed ${Math.floor(since_s)} s ago: give it a moment.`;
  return "";
}

export const truthCaption = (who) =>
  `Strip below the lines: ${who.toLowerCase()}, as it really is. Good answers follow it a few seconds later.`;

export const percent = (p) => (Number.isFinite(p) ? `${Math.round(p * 100)} %` : "–");
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function duration(s) {
  if (!Number.isFinite(s) || s < 0) return "–";
  if (s < 90) return `${Math.floor(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function age(s) {
  if (!Number.isFinite(s)) return "–";
  return s < 1 ? `${Math.round(s * 1000)} ms` : s < 10 ? `${s.toFixed(1)} s` : duration(s);
}

export const rate = (hz) => (Number.isFinite(hz) ? `${hz < 100 ? hz.toFixed(1) : Math.round(hz)} Hz` : "–");
export const ms = (x) => (Number.isFinite(x) ? (x < 10 ? x.toFixed(1) : Math.round(x).toString()) : "–");
export const clock = (t_s) => new Date(t_s * 1000).toLocaleTimeString([], { hour12: false });
export const count = (n) => (Number.isFinite(n) ? n.toLocaleString("en").replaceAll(",", "\u202f") : "–");

export const TREND_S = 120; // as the chart above it
const REGION = { head: "Whole head" };
export const region = (key) => REGION[key] ?? sentence(key);
export const channels = (n) => (n === 1 ? "1 channel" : `${n} channels`);

// Two digits: band power is not steady to more.
export function uv2(x) {
  if (!Number.isFinite(x)) return "–";
  return x >= 10 ? String(Math.round(x)) : x >= 1 ? x.toFixed(1) : x.toFixed(2);
}

export function trend(name, powers) {
  if (!powers.length) return `${sentence(name)}: not measured in the last two minutes`;
  const [least, most] = [Math.min(...powers), Math.max(...powers)].map(uv2);
  return `${sentence(name)}, whole head, last two minutes: between ${least} and ${most} µV²`;
}

export function noBands({ last, bundle }) {
  if (!last) return "It comes with the first answers.";
  const eeg = last.modalities.eeg;
  if (eeg === "not connected") return "No EEG is connected.";
  if (eeg === "unmapped") return "The device covers too little of what the model needs.";
  return bundle ? "No EEG was measured in the newest window." : "";
}

// What hides the numbers' freshness comes first: connection, then silence, then no answer. Without
// a number: it is read aloud once, and not every second.
export function staleText({ kind, reason, answer_s }) {
  const why = reason ? `: ${reason.replace(/[^.!?]$/, "$&.")}` : ".";
  if (kind === "lost") return "Not connected to the service: trying again. What you see is old.";
  if (kind === "silent") return "No news from the service. What you see is old.";
  if (kind === "no-answer") return `No new answers${why} What you see is old. Look at the signals: a device may have stopped.`;
  const ended = reason === "asked to" ? "The session was stopped." : `The session has ended${why}`;
  return answer_s === null ? `${ended} It gave no answer.` : `${ended} What you see is its last answer.`;
}
export function staleAge({ kind, age_s, answer_s }) {
  const answer = answer_s === null ? "" : `The last answer is ${duration(answer_s)} old.`;
  return ["lost", "silent"].includes(kind) ? `For ${duration(age_s)}. ${answer}` : answer;
}
export const nextSession = (id) => `Session ${id} runs now: show it`;
export const woke = (s) => `This computer slept for ${duration(s)}.`;

const FLAGS = {
  "not-finite": "no numbers", flat: "flat", railed: "at the end of its range", line: "mains hum",
  noise: "high-frequency noise", jump: "jumps", neighbours: "unlike its neighbours",
};
const EYES = {
  good: ["seen", "good"], blinking: ["blinking much", "warn"], "off-screen": ["beside the screen", "bad"],
  frozen: ["frozen", "bad"], lost: ["lost", "bad"],
};
const NAMED = 6;

// How good the signal is: each line has a sign beside its colour, and words.
export function qualityLines(key, quality) {
  if (key === "eeg" && quality?.eeg) return eegLines(quality.eeg);
  if (key === "eye" && quality?.eye) {
    return ["left", "right"].map((side) => {
      const eye = quality.eye[side];
      const [text, tone] = stateWords(EYES, eye.state);
      return [`${sentence(side)} eye: ${text} (${percent(eye.measured)} of the window)`, tone];
    });
  }
  return [];
}

function eegLines({ names, states, flags, interpolated }) {
  const of = (state) => names.filter((_, k) => states[k] === state);
  const told = (list) => {
    const some = list.slice(0, NAMED).map((name) => `${name} (${(flags[name] ?? []).map((f) => FLAGS[f] ?? f).join(", ")})`);
    return some.join(", ") + (list.length > NAMED ? ` and ${list.length - NAMED} more` : "");
  };
  const [bad, noisy] = [of("bad"), of("noisy")];
  const lines = [[`${of("good").length + noisy.length} of ${names.length} channels are good`, bad.length ? "warn" : "good"]];
  if (bad.length) lines.push([`Not used: ${told(bad)}${interpolated.length ? `; ${interpolated.length} interpolated` : ""}`, "bad"]);
  if (noisy.length) lines.push([`Hum, but used: ${told(noisy)}`, "warn"]);
  return lines;
}
