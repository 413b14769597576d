// What the page knows, and how each frame of the contract changes it. No DOM, no clock, no socket:
// `now_ms` comes in (performance.now), so that a laptop with a wrong wall clock shows right ages.

import { forgetStates, keepState, wallTime } from "./truth.js";

export const HISTORY_S = 120;
const LATENCY_S = 60;
const EVENTS = 30;
const QUALITY_S = 3; // it comes once a second
const OLD_S = 3; // and no less than four hops
const STATUS_S = 12; // a status comes every five seconds, whatever happens

export function initialState() {
  return {
    session: null, sessions: [], epoch: null, seq: 0,
    phase: "", phaseReason: "", ended: null,
    bundle: null, service: "", startedAt_ms: null, ranFor_s: null,
    streams: {}, streamsAt_ms: 0, mapping: {}, mappings: {},
    predictions: null, abstained: null, normalisation: "",
    points: [], latency: [], gaps: [], events: [], states: [],
    last: null, lastAt_ms: null, frameAt_ms: null, hop_s: 0.5, unknown: 0, quality: null, bands: [],
    service_clock: null, backlog: null, queued: false, computed: "here", pooled: false,
  };
}

export function note(state, words, tone = "", at_s = Date.now() / 1000) {
  state.events.unshift({ at_s, words, tone });
  state.events.sort((a, b) => b.at_s - a.at_s); // what is told later may have happened earlier
  state.events.length = Math.min(state.events.length, EVENTS);
}

// Unknown types are counted and otherwise ignored: the contract grows by addition.
export function reduce(state, frame, now_ms) {
  const handler = Object.hasOwn(handlers, frame.type) ? handlers[frame.type] : null;
  if (!handler) return void state.unknown++;
  if (frame.session_id && state.session && frame.session_id !== state.session) return;
  state.frameAt_ms = now_ms;
  if (frame.type !== "hello" && !state.session) return; // not chosen yet: it will come again
  if (frame.type !== "hello") beginEpoch(state, frame);
  if (NUMBERED.has(frame.type) && frame.seq <= state.seq) return; // heard before
  handler(state, frame, now_ms);
}

const NUMBERED = new Set(["prediction", "status", "quality", "calibration", "marker"]);

const handlers = {
  hello(state, frame, now_ms) {
    state.bundle = frame.bundle ?? state.bundle;
    state.service = frame.service ?? state.service;
    state.sessions = frame.sessions ?? state.sessions;
    state.service_clock = Number.isFinite(frame.time_unix) ? { unix_s: frame.time_unix, at_ms: now_ms } : null;
    state.backlog = frame.session_id ? { epoch: frame.epoch, to_seq: frame.last_seq ?? 0 } : null;
    const hops = Object.values(frame.bundle?.features ?? {}).map((f) => f.hop_s);
    if (hops.length) state.hop_s = Math.max(...hops);
  },

  prediction(state, frame, now_ms) {
    advance(state, frame);
    const point = {
      t_s: frame.time_unix, end_s: frame.end_s, p: frame.probabilities, label: frame.label,
      confidence: frame.confidence, abstained: frame.abstained === true, reason: frame.reason ?? "",
      modalities: frame.modalities ?? {}, quality: frame.quality ?? {}, seq: frame.seq, epoch: frame.epoch,
    };
    if (!Number.isFinite(point.t_s)) return void state.unknown++;
    state.points.push(point);
    trim(state.points, point.t_s - HISTORY_S);
    trim(state.gaps, state.points.find((p) => p.epoch === frame.epoch).seq, "to_seq");
    forgetStates(state);
    state.latency.push({ t_s: point.t_s, ms: frame.latency_ms ?? {} });
    trim(state.latency, point.t_s - LATENCY_S);
    state.last = point;
    if (point.p) sawWhere(state, frame.computed ?? "here");
    // Exact at every status; counted on in between.
    if (state.predictions !== null) state.predictions++;
    if (state.abstained !== null && point.abstained) state.abstained++;
    state.lastAt_ms = saidAt_ms(state, frame, now_ms);
    state.ended = null;
    state.ranFor_s = null;
  },

  status(state, frame, now_ms) {
    advance(state, frame);
    const before = state.streams;
    state.streams = frame.streams ?? {};
    state.mappings = frame.mappings ?? {};
    state.streamsAt_ms = now_ms;
    for (const key of ["predictions", "abstained", "normalisation"]) state[key] = frame[key] ?? state[key];
    sawUptime(state, frame.uptime_s, now_ms);
    noteStreams(state, before, saidWhen_s(state, frame.uptime_s, now_ms));
    if (frame.state && frame.state !== state.phase) {
      if (frame.state === "stopped" || frame.state === "failed") {
        state.ended = { failed: frame.state === "failed", reason: frame.reason ?? "" };
        state.ranFor_s = frame.uptime_s ?? null;
      }
    }
    state.phase = frame.state ?? state.phase;
    state.phaseReason = frame.reason ?? "";
  },

  quality(state, frame) {
    advance(state, frame);
    state.quality = frame;
    if (!frame.bands || !Number.isFinite(frame.time_unix)) return;
    state.bands.push({ t_s: frame.time_unix, head: frame.bands.power_uv2.head });
    trim(state.bands, frame.time_unix - HISTORY_S);
  },

  marker(state, frame) {
    advance(state, frame);
    const first = state.states.length === 0; // no change that anybody could have seen
    const truth = keepState(state, frame);
    if (!(truth && first)) note(state, truth ? { truth } : `Marker: ${frame.text}`, "", wallTime(state, frame.t_s) ?? undefined);
  },

  // Before the first prediction of this page there is nothing that could have a hole.
  gap(state, frame) {
    if (state.last) addGap(state, frame.missed_from, frame.missed_to, frame.reason);
    state.seq = Math.max(state.seq, frame.missed_to ?? 0);
  },

  bye(state, frame) {
    note(state, `The service said goodbye: ${frame.reason || "no reason given"}`, "warn");
  },
};

// Which network answered; it stays to be said once a pool was to be asked. An abstention asks none.
function sawWhere(state, where) {
  state.computed = where;
  state.pooled ||= where !== "here";
}

// When an answer was given. What lay in the service before this page came, or in the browser while
// the tab slept, is as old as the service's clock says; all else is heard when it is said.
function saidAt_ms(state, frame, now_ms) {
  const { service_clock: clock, backlog } = state;
  const before = backlog !== null && frame.epoch === backlog.epoch && frame.seq <= backlog.to_seq;
  if (clock === null || !(before || state.queued)) return now_ms;
  return Math.min(now_ms, clock.at_ms + 1000 * (frame.time_unix - clock.unix_s));
}

// The computer slept, and with it the clock that ages are told by.
export function slept(state, for_ms) {
  for (const key of ["lastAt_ms", "frameAt_ms", "streamsAt_ms", "startedAt_ms"]) {
    if (state[key] !== null) state[key] -= for_ms;
  }
  if (state.service_clock) state.service_clock.at_ms -= for_ms;
}

// What was said last of the signal's quality, unless answers have come since that it says nothing of.
export function currentQuality({ quality, last }) {
  return quality && last && last.end_s - quality.end_s < QUALITY_S ? quality : null;
}

export function beginEpoch(state, frame) {
  if (!Number.isFinite(frame.epoch) || frame.epoch === state.epoch) return;
  if (state.epoch !== null) note(state, "The service was started again: a new count begins.", "warn");
  state.epoch = frame.epoch;
  state.seq = 0;
  state.ended = null;
  Object.assign(state, { startedAt_ms: null, ranFor_s: null, states: [], gaps: [], streams: {} });
}

function advance(state, frame) {
  if (state.seq > 0 && frame.seq > state.seq + 1) addGap(state, state.seq + 1, frame.seq - 1, "");
  state.seq = Math.max(state.seq, frame.seq ?? 0);
}

// Numbers of frames: the chart knows which answers come before and after them.
function addGap(state, from_seq, to_seq, reason) {
  const missed = to_seq - from_seq + 1;
  if (!state.last || !(missed > 0)) return;
  state.gaps.push({ from_seq, to_seq, missed });
  const why = reason ? ` (${reason})` : "";
  note(state, `${missed} message${missed > 1 ? "s" : ""} did not reach this page${why}.`, "warn");
}

// Wall time of a status: of one that lay in the service before this page came, too.
function saidWhen_s(state, uptime_s, now_ms) {
  if (state.startedAt_ms === null || !Number.isFinite(uptime_s)) return undefined;
  const ago_ms = Math.max(0, now_ms - state.startedAt_ms - 1000 * uptime_s);
  return (Date.now() - ago_ms) / 1000;
}

function noteStreams(state, before, at_s) {
  for (const [key, stream] of Object.entries(state.streams)) {
    const old = before[key]?.state;
    if (!old || old === stream.state || (old === "back" && stream.state === "live")) continue;
    const good = stream.state === "live" || stream.state === "back";
    note(state, { stream: key, state: stream.state }, good ? "good" : "bad", at_s);
  }
}

function trim(items, before_s, key = "t_s") {
  while (items.length && items[0][key] < before_s) items.shift();
}

// Frames are heard late, never early: the earliest beginning that any of them tells is right.
export function sawUptime(state, uptime_s, now_ms) {
  if (!Number.isFinite(uptime_s)) return;
  const startedAt_ms = now_ms - uptime_s * 1000;
  state.startedAt_ms = Math.min(startedAt_ms, state.startedAt_ms ?? startedAt_ms);
}

// How fresh what is shown is: null while all is well. `answer_s` is the age of the last answer.
export function freshness(state, connection, now_ms) {
  const since = (at_ms) => (now_ms - at_ms) / 1000;
  const limit_s = Math.max(OLD_S, 4 * state.hop_s);
  const heard_s = since(state.frameAt_ms ?? connection.since_ms);
  const answer_s = state.last === null ? null : since(state.lastAt_ms);
  if (state.ended) return { kind: "ended", age_s: heard_s, answer_s, ...state.ended };
  if (connection.state === "lost") return { kind: "lost", age_s: since(connection.since_ms), answer_s };
  if (state.session === null) return null;
  // Where answers are missing for a reason that was told, only the status is still to be expected.
  const explained = state.last === null || !["", "running"].includes(state.phase);
  if (heard_s > (explained ? STATUS_S : limit_s)) return { kind: "silent", age_s: heard_s, answer_s };
  if (answer_s > limit_s) return { kind: "no-answer", age_s: answer_s, answer_s, reason: state.phaseReason };
  return null;
}

// Nearest-rank quantile of the last minute, by stage, `total` last.
export function latencySummary(latency) {
  const stages = Object.keys(latency.at(-1)?.ms ?? {}).filter((s) => s !== "total");
  return [...stages, "total"].map((stage) => {
    const sorted = latency.map((l) => l.ms[stage]).filter(Number.isFinite).sort((a, b) => a - b);
    const rank = (q) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
    return { stage, now_ms: latency.at(-1)?.ms[stage], p50_ms: rank(0.5), p99_ms: rank(0.99) };
  });
}
