// From the state to the page's elements. Text goes in as text, never as HTML: names of streams,
// classes and reasons come from devices and files.

import { latencySummary } from "./state.js";
import { truthAt, verdict } from "./truth.js";
import * as words from "./words.js";

export const $ = (id) => document.getElementById(id);

export function el(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

// Only what changed is touched, so that a screen reader and a text selection are left in peace.
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function show(node, text) {
  node.hidden = !text;
  if (text) put(node, text);
}

const CONNECTION = {
  open: "Connected", connecting: "Connecting …", lost: "Not connected", silent: "Connected, but silent",
};

export function renderHeader(state, connection, fresh, now_ms) {
  const kind = connection.state === "open" && fresh?.kind === "silent" ? "silent" : connection.state;
  put($("connection"), CONNECTION[kind]);
  $("connection").dataset.state = kind;
  put($("session"), state.session ?? "–");
  const uptime = uptime_s(state, fresh, now_ms);
  put($("uptime"), words.duration(uptime));
  $("uptime").parentElement.hidden = Number.isNaN(uptime);
  const without = state.abstained ? `, ${words.count(state.abstained)} without an answer` : "";
  put($("count"), state.predictions === null ? "–" : words.count(state.predictions) + without);
  const bundle = state.bundle;
  put($("bundle"), bundle ? `${bundle.name} ${bundle.version}`.trim() : "–");
  $("bundle").title = bundle?.id ?? "";
  put($("computed"), words.computed(state.computed));
  $("computed").parentElement.hidden = !state.pooled;
  show($("notice"), noticeText(bundle));
}

// It stands still when the session is over, or when nobody knows whether it is.
function uptime_s(state, fresh, now_ms) {
  if (state.ended && state.ranFor_s !== null) return state.ranFor_s;
  if (state.startedAt_ms === null) return NaN;
  const known_ms = ["lost", "silent", "ended"].includes(fresh?.kind) ? state.frameAt_ms : now_ms;
  return (known_ms - state.startedAt_ms) / 1000;
}

function noticeText(bundle) {
  if (!bundle) return "";
  if (!bundle.demo) return bundle.notice ?? "";
  const always = "Demonstration: these scores mean nothing.";
  return bundle.notice ? `${always} ${bundle.notice}` : always;
}

export function renderStale(fresh) {
  show($("stale-text"), fresh ? words.staleText(fresh) : "");
  put($("stale-age"), fresh ? words.staleAge(fresh) : "");
  $("stale").hidden = fresh === null;
  $("main").dataset.stale = fresh?.kind ?? "";
}

export function renderNow(state) {
  const { last } = state;
  if (!last) return renderWaiting(state);
  $("now").dataset.state = last.abstained ? "abstained" : "answer";
  put($("label"), last.abstained ? "No answer" : words.sentence(last.label ?? "–"));
  put($("confidence"), last.abstained ? "The model does not say anything for this moment." : `${words.percent(last.confidence)} sure`);
  show($("reason"), last.reason ? `${last.abstained ? "Why" : "Note"}: ${words.sentence(last.reason)}` : "");
  renderBars(state.bundle?.classes ?? Object.keys(last.p ?? {}), last);
  renderModalities(last, state);
}

// Only a person whose state is known is spoken of: a simulated one, or one that markers tell of.
export function renderTruth(state, fresh) {
  const now = verdict(state);
  for (const id of ["truth", "truth-caption"]) $(id).hidden = now === null;
  if (now === null) return;
  const who = words.person(state.streams);
  const old = ["lost", "silent", "ended"].includes(fresh?.kind);
  put($("truth-who"), `${who} ${old ? "was" : "is now"}:`);
  put($("truth-state"), words.sentence(now.value));
  const k = (state.bundle?.classes ?? []).indexOf(now.value);
  $("truth-swatch").className = `swatch class-${k < 0 ? 6 : k % 7}`;
  $("truth-verdict").dataset.kind = now.kind;
  put($("truth-verdict"), words.verdict(now));
  put($("truth-caption"), words.truthCaption(who));
}

function renderWaiting(state) {
  $("now").dataset.state = "waiting";
  put($("label"), "Waiting");
  const looking = "Looking for the signals. Are the devices switched on and streaming?";
  put($("confidence"), state.phase === "waiting" ? looking : "No prediction yet.");
  show($("reason"), state.phaseReason);
}

function renderBars(classes, last) {
  const list = $("bars");
  if (list.children.length !== classes.length) {
    list.replaceChildren(...classes.map((_, k) => bar(k)));
  }
  classes.forEach((name, k) => {
    const [text, track, value] = list.children[k].children;
    const p = last.p?.[name];
    put(text, words.sentence(name));
    track.firstChild.style.inlineSize = `${100 * (p ?? 0)}%`;
    put(value, words.percent(p));
    list.children[k].classList.toggle("top", !last.abstained && name === last.label);
  });
}

function bar(k) {
  const item = el("li");
  const track = el("span", "track");
  track.append(el("span", `fill class-${k % 7}`));
  item.append(el("span", "name"), track, el("span", "value"));
  return item;
}

function renderModalities(last, { bundle, startedAt_ms, lastAt_ms }) {
  const rows = Object.entries(last.modalities).flatMap(([key, state]) => {
    const window_s = bundle?.features?.[key]?.window_s;
    const filling = state === "missing" && startedAt_ms !== null && lastAt_ms - startedAt_ms < 1000 * (window_s + 2);
    const [text, tone] = filling ? words.filling(window_s) : words.stateWords(words.MODALITY_STATE, state);
    const quality = last.quality[key];
    const share = state === "used" && Number.isFinite(quality) ? `, ${words.percent(quality)} of the signal is usable` : "";
    return [el("dt", "", words.modalityName(key)), el("dd", `state ${tone}`, text + share)];
  });
  replaceIfChanged($("modalities"), rows);
}

export function renderStreams(state, quality, fresh, now_ms) {
  const since_s = (now_ms - state.streamsAt_ms) / 1000;
  const cards = Object.entries(state.streams).map(([key, s]) => streamCard(key, s, state.mapping[key], since_s, fresh?.kind, quality));
  if (cards.length) replaceIfChanged($("streams"), cards);
}

function streamCard(key, stream, mapping, since_s, kind, quality) {
  const [text, tone] = words.OLD_STREAM[kind] ?? words.stateWords(words.STREAM_STATE, stream.state);
  const card = el("article", "stream");
  const head = el("h3", "", words.modalityName(key));
  head.append(el("span", `state ${tone}`, text));
  card.append(head, el("p", "sub", stream.name ? `${stream.name} (${stream.source})` : stream.source ?? ""));
  const facts = el("dl", "facts");
  // The age was true when the status came; nothing has come since from a stream that is not live.
  const grown_s = words.FLOWING.has(stream.state) ? 0 : since_s;
  const age_s = Number.isFinite(stream.sample_age_s) ? stream.sample_age_s + grown_s : NaN;
  const nominal = stream.nominal_rate_hz ? ` of ${words.rate(stream.nominal_rate_hz)}` : "";
  // Over less than two seconds a rate says little: devices begin with a burst.
  const young = stream.samples < 2 * (stream.nominal_rate_hz ?? 0);
  addFact(facts, "Rate", young ? `measuring …${nominal && ` (${words.rate(stream.nominal_rate_hz)})`}` : words.rate(stream.effective_rate_hz) + nominal);
  addFact(facts, "Newest sample", Number.isFinite(age_s) && !words.OLD_STREAM[kind] ? `${words.age(age_s)} ago` : "–");
  addFact(facts, "Gaps", `${words.count(stream.gaps ?? 0)}${stream.lost_samples ? ` (${words.count(stream.lost_samples)} samples lost)` : ""}`);
  addClockFacts(facts, stream);
  card.append(facts);
  for (const [text, tone] of kind ? [] : words.qualityLines(key, quality)) card.append(el("p", `state ${tone}`, text));
  const change = stream.change ? `It came back changed: ${stream.change}.` : "";
  const twins = stream.twins ? `${stream.twins + 1} senders have its source_id: stop all but one.` : "";
  for (const line of [stream.last_error, change, twins, ...(stream.notes ?? [])]) if (line) card.append(el("p", "note", line));
  if (mapping) card.append(mappingLine(mapping));
  return card;
}

// What is not there is not worth a line: most streams are never away, and have no clock of their own.
function addClockFacts(facts, stream) {
  if (stream.outages) addFact(facts, "Away", `${words.count(stream.outages)}×, the last time for ${words.age(stream.last_outage_s)}`);
  if (stream.overflows) addFact(facts, "Buffer full", `${words.count(stream.overflows)}×`);
  if (Number.isFinite(stream.clock_uncertainty_ms)) addFact(facts, "Clock", `± ${words.ms(stream.clock_uncertainty_ms)} ms`);
  if (stream.lag_ms) addFact(facts, "Lag", `${words.ms(stream.lag_ms)} ms, ${words.LAG_SAID_BY[stream.lag_said_by] ?? "taken off"}`);
}

function mappingLine(mapping) {
  const fits = Number.isFinite(mapping.coverage) ? `Fits the model to ${words.percent(mapping.coverage)}.` : "";
  return el("p", "mapping", fits);
}

function addFact(list, name, value) {
  const pair = el("div");
  pair.append(el("dt", "", name), el("dd", "", value));
  list.append(pair);
}

export function renderLatency(state) {
  const rows = latencySummary(state.latency).map(({ stage, now_ms, p50_ms, p99_ms }) => {
    const row = el("tr", stage);
    const head = el("th", "", words.stageName(stage));
    head.scope = "row";
    row.append(head, ...[now_ms, p50_ms, p99_ms].map((x) => el("td", "", words.ms(x))));
    return row;
  });
  replaceIfChanged($("latency").tBodies[0], rows);
}

export function renderTable(state) {
  const classes = state.bundle?.classes ?? [];
  const table = $("table");
  const cells = (tag, texts) => texts.map((t) => el(tag, "", t));
  const head = el("tr");
  const truth = state.states.length ? [words.person(state.streams)] : [];
  head.append(...cells("th", ["Time", "Answer", ...classes.map(words.sentence), ...truth]));
  replaceIfChanged(table.tHead, [head]);
  const rows = state.points.slice(-20).reverse().map((point) => {
    const row = el("tr");
    const answer = point.abstained ? "No answer" : words.sentence(point.label ?? "–");
    const shares = classes.map((c) => words.percent(point.p?.[c]));
    const state_then = truth.map(() => words.sentence(truthAt(state, point.end_s) ?? "–"));
    row.append(...cells("td", [words.clock(point.t_s), answer, ...shares, ...state_then]));
    return row;
  });
  replaceIfChanged(table.tBodies[0], rows);
}

export function renderEvents(state) {
  const rows = state.events.map(({ at_s, words: what, tone }) => {
    const row = el("li", tone);
    row.append(el("time", "", words.clock(at_s)), el("span", "", eventText(what, words.person(state.streams))));
    return row;
  });
  replaceIfChanged($("events"), rows);
}

function eventText(what, person) {
  if (typeof what === "string") return what;
  if (what.truth) return `${person} is now: ${what.truth}`;
  const [text] = words.stateWords(words.STREAM_STATE, what.state);
  return `${words.modalityName(what.stream)}: ${text}`;
}

export function replaceIfChanged(parent, nodes) {
  const same = parent.children.length === nodes.length && nodes.every((n, i) => n.isEqualNode(parent.children[i]));
  if (!same) parent.replaceChildren(...nodes);
}
