// What the page Fleet says: of booths to the one who looks after them, of a pool to its booth.

import { count, duration } from "../words.js";

export { count };

export const COLUMNS = [
  "Booth", "State", "Heard", "Sessions now", "Their predictions", "Windows answered here", "Answered by the booth", "Model", "Forget it",
];
export const BOOTH = {
  alive: ["There", "good"],
  silent: ["Silent", "bad"],
};
// Of this pool, as the booth knows it; nothing where all is well.
const SEEN_FROM_THERE = {
  connecting: "has not asked this pool yet",
  late: "was answered too late",
  away: "got no answer from this pool",
  refused: "was refused by this pool, or has another model",
};
export const POOL = {
  connecting: ["Not asked yet", "off"],
  answering: ["Answers", "good"],
  late: ["Answers too late", "warn"],
  away: ["Does not answer", "bad"],
  refused: ["Refuses, or has another model", "bad"],
};
const OUTCOME = {
  late: "pool too late",
  failed: "pool failed",
  busy: "pool still at the one before",
  away: "pool away",
};

// Who needs somebody first: the silent, then those that this pool does not answer.
const rank = (booth) => (booth.state === "silent" ? 0 : booth.pool === "answering" ? 2 : 1);
export const worstFirst = (booths) => [...booths].sort((a, b) => rank(a) - rank(b)); // by name within

export const heard = (s) => (s < 1 ? "now" : `${duration(s)} ago`);
export const seenFromThere = (booth) => SEEN_FROM_THERE[booth.pool] ?? "";

export function answeredThere(outcomes) {
  const { pool: _, ...own } = outcomes;
  const parts = Object.entries(own).map(([kind, n]) => `${count(n)} ${OUTCOME[kind] ?? kind}`);
  const sum = Object.values(own).reduce((a, b) => a + b, 0);
  return sum ? `${count(sum)}: ${parts.join(", ")}` : "0";
}

export const ownWindows = (outcomes) =>
  `Windows answered by the pool: ${count(outcomes.pool ?? 0)}; by this booth's own model: ${answeredThere(outcomes)}.`;
export const ownReason = (reason) => `Predictions go on with this booth's own model. ${reason}`;

export function fleet({ booths, replicas, fits }) {
  if (!booths.length) return "No booth has announced itself. A booth is a service that was started with --cluster and this one's address.";
  const there = booths.filter((b) => b.state === "alive").length;
  const who = replicas === 0 ? "This process answers for them." : `${count(replicas)} ${replicas === 1 ? "replica answers" : "replicas answer"} for them.`;
  return `${count(there)} of ${count(booths.length)} ${booths.length === 1 ? "booth is" : "booths are"} there. ${who}${fitted(fits)}`;
}

function fitted({ waiting, fitting, ended }) {
  const before = Object.values(ended).reduce((sum, n) => sum + n, 0);
  return waiting + fitting + before ? ` Calibrations: ${count(fitting)} learnt now, ${count(waiting)} waiting, ${count(before)} before.` : "";
}

export const FORGET = "Forget";
export const forget = (booth) => `Forget the booth ${booth}`;
export const FORGETTING = "It leaves the list. A booth that is still in use comes back by itself, with its next word.";
