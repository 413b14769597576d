// Every sentence of the calibration page that is not in its HTML.

import { count, duration, number } from "./words.js";

const SHORT = { eeg: "EEG", eye: "eye tracking" };
const shortName = (key) => SHORT[key] ?? key;

export const NO_SESSION = "No session runs. Start one on the page Sessions, with a participant.";
export const NOBODY_KNOWN = "The sessions that run have no participant, so there is nobody to learn for. Start one with a participant on the page Sessions.";
export const whose = (s) => `Participant ${s.participant}. ${s.status.profile_version ? `Version ${s.status.profile_version} of their profile answers.` : "The model as shipped answers."}`;
export const TO_CALIBRATE = "To calibrate";
export const TO_ADAPT = "To switch this on or off";

export const NOT_YET = ["No calibration yet", "off"];
export const STATE = {
  idle: ["Not begun", "off"],
  baseline: ["Rest: the person sits still and looks at the screen", "good"],
  collecting: ["Collecting: the person watches", "good"],
  fitting: ["Learning", "good"],
  ready: ["Ready: accept or reject it", "warn"],
  accepted: ["Accepted", "good"],
  rejected: ["Rejected: what answered before goes on", "off"],
  failed: ["Failed: what answered before goes on", "bad"],
};
export const OVER = new Set(["idle", "accepted", "rejected", "failed"]);
export const POLICY = {
  operator: "I do, here",
  cautious: "A rule: accept low risk, reject high",
  automatic: "A rule: accept low and medium risk",
};
export const AS_SET = "As the service was set";

export function plan(proposed, minutes, rest_s) {
  if (!proposed || !(minutes > 0)) return "";
  const windows = Math.max(proposed.fewest, Math.round((proposed.windows * minutes) / 5));
  const needed = Object.keys(proposed.least).map(shortName).join(" and ");
  const rest = rest_s > 0 ? `${duration(rest_s)} of rest, then about` : "About";
  return `${rest} ${number(windows, "window")}, half of them with ${needed || "any signal"}; with ${count(proposed.fewest)} it may be ended early. Windows of poor signal do not count. It gives up after ${duration(proposed.most_s)}.`;
}

export const HOW_FAR = "How far it is";
export const howFar = (now) => [now.stage && `${now.stage} …`, Number.isFinite(now.eta_s) && `about ${duration(now.eta_s)} left`].filter(Boolean).join(" · ");
export const windows = (n) => number(n, "window");
export const share = (x) => `${Math.round(100 * x)} %`;
export const QUALITY = "Usable signal";
export const BALANCE = "What the model in force takes the windows for";

const COMING = "what it learns will follow them";
const LEARNT = "learnt with its windows";
const ENTERED = { idle: COMING, baseline: COMING, collecting: COMING, fitting: LEARNT, ready: LEARNT, accepted: LEARNT, rejected: LEARNT };
const toldOf = (now) => [count(now.labels), ENTERED[now.state]].filter(Boolean).join(", ");

export function counts(now) {
  const lacking = Object.entries(now.lacking).filter(([, n]) => n > 0).map(([key, n]) => `${count(n)} with ${shortName(key)}`);
  const refused = Object.entries(now.refused).map(([why, n]) => `${count(n)} ${why.replaceAll("_", " ").replaceAll("-", " ")}`);
  const told = [["Collected", `${count(now.collected)} of ${count(now.plan.windows)}`]];
  if (lacking.length) told.push(["Still needed", lacking.join(", ")]);
  told.push(["Did not count", refused.join(", ") || "none"]);
  if (now.dropped) told.push(["Not looked at", number(now.dropped, "window")]);
  told.push(["Labels told", now.labels ? toldOf(now) : "none"]);
  return told;
}

export const ACCEPT = "Accept: let it answer";
export const ACCEPTING = { title: "Accept a profile of high risk", text: "The signs above are that it answers worse than before. Nobody can tell for sure without labels; you can go back at any time.", yes: "Accept it" };
export const REJECT = "Reject";
export const FINISH = "That is enough: learn now";
export const CANCEL = "Cancel";
export const CANCELLING = { title: "Cancel this calibration", text: "What was collected is lost. What answers now goes on.", yes: "Cancel it" };

export const RISK = { low: ["Low risk", "good"], medium: ["Medium risk", "warn"], high: ["High risk", "bad"] };
export const reportOf = (version) => `What came of it: version ${version ?? "–"}`;
export const ANSWERS_AFTER = "Shares of the classes in its answers";
export const CLASS = "Class";
export const SHARE = "Share of its answers";
const ofOne = (x) => (x === null ? "cannot be told" : share(x));
const both = (before, after) => (before === null || after === null ? "cannot be told" : `${share(before)} before, ${share(after)} after`);
const BY_ITSELF = { away: "the pool is away", late: "the pool was too late", refused: "the pool refused", wrong: "the pool's answer was wrong" };
function where(computed) {
  if (computed.startsWith("pool ")) return `at the ${computed}`;
  const [, why] = computed.split("here: pool ");
  return why ? `by this booth: ${BY_ITSELF[why] ?? why}` : "by this booth";
}
export const reported = (r, computed) => [
  ["Learnt from", windows(r.windows_used)],
  ["Learnt", where(computed)],
  ["Answers that changed", share(r.changed)],
  ["EEG and eyes agree", both(r.agreement_before, r.agreement_after)],
  ["Right on the bundle's own check", both(r.check_before, r.check_after)],
  ["Same from other windows", ofOne(r.consistency)],
  ["Expected gain", r.expected_gain === null ? "cannot be told" : `${r.expected_gain >= 0 ? "+" : "−"}${Math.abs(100 * r.expected_gain).toFixed(1)} points, an estimate without labels`],
];

export const ADAPTATION = {
  off: ["Off", "off"],
  starting: ["Starting", "warn"],
  on: ["On", "good"],
  frozen: ["Paused by a guard", "warn"],
  failed: ["Failed: what answers goes on", "bad"],
};
export const SWITCH_ON = "Switch on";
export const SWITCH_OFF = "Switch off";
export const ROLL_BACKS = "Went back";
function knownOf(now) {
  if (["off", "failed"].includes(now.state)) return "for when it is on";
  return now.labels_known < now.labels ? `${count(now.labels_known)} of them known to what learns` : "all known to what learns";
}
export function adapted(now) {
  const refused = Object.values(now.refused).reduce((sum, n) => sum + n, 0);
  return [
    ["Learnt from", windows(now.learnt)],
    ["Did not count", windows(refused)],
    ["Not looked at", windows(now.dropped)],
    ["New versions", count(now.updates)],
    ["Labels told", now.labels ? `${count(now.labels)}, ${knownOf(now)}` : "none"],
    ["Latest label", now.last_label ? `${now.last_label.label}, for ${duration(now.last_label.until_s - now.last_label.from_s)}` : "none"],
    ["Learnt anew", now.relearnt ? number(now.relearnt, "time") : "not yet"],
    ["What came of it last", now.relearning || "none"],
  ];
}

export const serves = (version, n) => (version ? `Version ${version} answers, of ${n}.` : n ? "The model as shipped answers." : "Nothing yet: the model as shipped answers.");
export const SHIPPED = "0, as shipped";
export const VERSIONS = "Versions of the profile";
export const VERSION = "Version";
export const MADE_BY = "Made by";
export const LEARNT_FROM = "Learnt from";
export const RISK_TITLE = "Risk";
export const IN_FORCE = "In force";
export const ANSWERS_NOW = "Answers now";
export const GO_BACK = "Let it answer";
export const goBack = (version) => (version ? `Let version ${version} answer` : "Let the model as shipped answer");
export const GOING_BACK = "From the next window on. Nothing is deleted: the other versions can answer again.";
export const BY_PAGE = "chosen on the page";
export const ORIGIN = { calibration: "calibration", online: "following" };
export const damaged = (version, why) => `Version ${version} cannot be read: ${why}`;
export const HISTORY = "What happened";
export const WHEN = "When";
export const WHAT = "What";
export const WHY = "Why";
export const event = (name) => name.replaceAll("_", " ").replaceAll("-", " ");
