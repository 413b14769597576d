// What the pre-flight page says.

import { duration, percent, rate } from "../words.js";

export const TO_LOOK = "To look at all that a session needs";
export const LOOKING = "Looking: this takes some seconds …";
export const NO_STREAM = "There is no stream of EEG or gaze. Start the devices' programs and switch their streaming on; then look again.";
export const NOTHING_ELSE = "Nothing else is worth a word.";
export const STREAM_FINE = "Nothing is wrong with it.";
export const MARKERS = "Markers";

export const STREAM_STATE = {
  missing: ["Not there", "bad"],
  found: ["There, but sends nothing yet", "warn"],
  there: ["There", "good"],
};

export const FINDING = { problem: ["Problem"], warning: ["Warning"], note: ["Note"], ok: ["Fine"] };
const ORDER = Object.keys(FINDING);

export const worstFirst = (findings) => [...findings].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
export const fine = (n) => `${n} more that ${n === 1 ? "is" : "are"} fine`;

export function verdict({ ready, findings }) {
  const n = (state) => findings.filter((f) => f.state === state).length;
  const [problems, warnings] = [n("problem"), n("warning")];
  if (!ready) return [`A session would not run: ${several(problems, "problem")} first, below with what to do.`, "bad"];
  if (warnings) return [`A session would run, with ${several(warnings, "warning")}.`, "warn"];
  return ["Ready: nothing would keep a session from running.", "good"];
}

const several = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

export function looked({ time_unix, listened_s }) {
  const at = new Date(time_unix * 1000).toLocaleTimeString([], { hour12: false });
  return `Looked at ${at}; streams were listened to for ${duration(listened_s)}.`;
}

export function which(stream) {
  const session = stream.session_id ? `, read by the session ${stream.session_id}` : "";
  const simulated = stream.source?.startsWith("sim:") ?? false;
  const device = stream.device && !simulated ? `, taken for ${stream.device}` : "";
  return `${stream.name ? `${stream.name} (${stream.source})` : stream.source}${session}${device}${stream.required ? "" : "; not required"}`;
}

export function expectation(expected) {
  if (!expected) return "";
  const { name, type, rate_hz, channels, labels } = expected;
  return [name, type, rate_hz && rate(rate_hz), channels && `${channels} channels`, some(labels)].filter(Boolean).join(", ");
}

export const channels = (s) => (s.labels.length ? `${s.n_channels}: ${some(s.labels)}` : String(s.n_channels));

function some(names, most = 4) {
  return names.slice(0, most).join(", ") + (names.length > most ? " …" : "");
}

export function electrodes(list) {
  const n = (state) => list.filter((e) => e.state === state);
  const bad = n("bad").map((e) => e.name);
  const parts = [`${n("good").length} good`, `${n("noisy").length} with hum`, `${bad.length} bad${bad.length ? ` (${some(bad, 8)})` : ""}`, `${n("missing").length} missing`];
  return `${list.length} electrodes: ${parts.join(", ")}.`;
}

export const electrode = (e) =>
  `${e.name}: ${e.state}${e.flags.length ? ` (${e.flags.join(", ")})` : ""}${e.interpolated ? ", interpolated" : ""}; bad in ${percent(e.bad_share)} of the windows`;

export const gaze = (g, outside) => `Gaze on the screen: ${g.points.length} points, ${outside} of them beside it.`;

export const loss = ({ lost_left, lost_right }) =>
  [["Left", lost_left], ["Right", lost_right]].map(([side, lost]) => [`${side} eye: not measured in ${percent(lost)} of the samples`, lost > 0.5 ? "bad" : lost > 0.1 ? "warn" : "good"]);
