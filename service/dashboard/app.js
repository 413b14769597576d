// The page: frames from the connection go into the state, the state is drawn when there is time.

import { ask } from "./access.js";
import { renderBands } from "./bands.js";
import { Chart } from "./chart.js";
import { Connection } from "./connection.js";
import { renderDevices } from "./devices.js";
import { setUpScheme } from "./scheme.js";
import { NextSession } from "./next_session.js";
import { beginEpoch, currentQuality, freshness, initialState, note, reduce, sawUptime, slept } from "./state.js";
import { keepState } from "./truth.js";
import * as view from "./view.js";
import { woke } from "./words.js";

const TICK_MS = 500;
const QUEUED_MS = 2000; // longer without a tick: the tab slept, and frames waited in the browser
const SLEPT_MS = 3000; // by so much the wall clock runs ahead of the page's: the computer slept
const HISTORY_FRAMES = 390; // two minutes of two predictions and one quality a second, and the status between

const link = { state: "connecting", since_ms: performance.now() };
const chart = new Chart(view.$("chart"));
const tick = { at_ms: performance.now(), wall_ms: Date.now() };
let state = initialState();
let drawing = false;
let choosing = false;

const connection = new Connection({
  onFrame(frame) {
    if (choosing && frame.type !== "hello") return; // it comes again, with what was before it
    state.queued = performance.now() - tick.at_ms > QUEUED_MS;
    reduce(state, frame, performance.now());
    connection.afterSeq = state.seq;
    if (frame.type === "hello" || !state.session) settle(frame);
    if (frame.type === "status" && (frame.state !== learnedPhase || newMapping(frame))) learn(frame.state);
    draw();
  },
  onChange(kind) {
    const wasLost = link.state === "lost";
    Object.assign(link, { state: kind, since_ms: performance.now() });
    if (kind === "lost") note(state, "The connection to the service was lost.", "bad");
    if (kind === "open") note(state, wasLost ? "Connected again." : "Connected.", "good");
    draw();
  },
});

// What runs is named by the first hello, or by the first frame of a session that starts later.
// That session is then followed by itself, its last minutes first.
function settle(frame) {
  if (connection.session || choosing) return;
  const wanted = decodeURIComponent(location.hash.slice(1));
  const sessions = frame.sessions ?? (frame.session_id ? [frame.session_id] : []);
  const session = sessions.includes(wanted) ? wanted : sessions.at(-1);
  if (session) choose(session, sessions);
}

async function choose(session, sessions) {
  choosing = true;
  if (state.session !== session) {
    const { bundle, service, events } = state;
    state = Object.assign(initialState(), { bundle, service, events });
  }
  Object.assign(state, { session, sessions });
  const facts = await learn();
  const newest = facts?.last_seq ?? 0;
  const after = Math.max(state.seq, newest - HISTORY_FRAMES, 0);
  if (facts?.last_marker?.seq <= after && !state.states.length) keepState(state, facts.last_marker);
  connection.follow(session, after);
  choosing = false;
  drawPicker();
}

// What changes rarely is asked for when the session changes its state: start, mapping report.
const newMapping = (frame) => Object.keys(frame.mappings ?? {}).some((m) => !(m in state.mapping));
let learnedPhase = null;
async function learn(phase = null) {
  learnedPhase = phase ?? learnedPhase;
  if (!state.session) return null;
  try {
    const response = await ask(`api/v1/sessions/${encodeURIComponent(state.session)}`);
    if (!response.ok) return null;
    const facts = await response.json();
    beginEpoch(state, facts);
    state.phase ||= facts.status?.state ?? "";
    state.mapping = facts.reports ?? {};
    state.mappings = facts.status?.mappings ?? state.mappings;
    sawUptime(state, facts.status?.uptime_s, performance.now());
    return facts;
  } catch {
    return null; // no answer: the next change of state asks again
  }
}

// A person has looked at what became of a device's channels; the service remembers it.
async function confirmMapping(modality, key) {
  const path = `api/v1/sessions/${encodeURIComponent(state.session)}/mapping`;
  const headers = { "Content-Type": "application/json" };
  try {
    const response = await ask(path, { method: "POST", headers, body: JSON.stringify({ modality, key }) });
    const answer = await response.json();
    if (response.ok) state.mappings = answer.mappings;
    else note(state, `Not remembered: ${answer.detail ?? response.status}`, "bad");
  } catch {
    note(state, "Not remembered: the service did not answer.", "bad");
  }
  await learn();
  draw();
}

function drawPicker() {
  const picker = view.$("sessions");
  picker.hidden = state.sessions.length < 2;
  view.$("session").hidden = !picker.hidden;
  picker.replaceChildren(...state.sessions.map((id) => new Option(id, id, false, id === state.session)));
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const now_ms = performance.now();
    const fresh = freshness(state, link, now_ms);
    view.renderHeader(state, link, fresh, now_ms);
    view.renderStale(fresh);
    view.renderNow(state);
    view.renderTruth(state, fresh);
    const quality = currentQuality(state);
    view.renderStreams(state, quality, fresh, now_ms);
    renderBands(state, quality);
    renderDevices(view.$("devices"), state, confirmMapping);
    view.renderLatency(state);
    view.renderEvents(state);
    if (view.$("table").closest("details").open) view.renderTable(state);
    chart.draw(state, now_ms, fresh);
  });
}

// A session by its address: from the picker, from a link, or by the back button.
addEventListener("hashchange", () => {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (state.sessions.includes(wanted) && wanted !== state.session) choose(wanted, state.sessions);
});
view.$("sessions").addEventListener("change", (event) => {
  location.hash = encodeURIComponent(event.target.value);
});
view.$("table").closest("details").addEventListener("toggle", draw);
setUpScheme(view.$("scheme"), () => {
  chart.restyle();
  draw();
});
// The page's clock may stand still while the computer sleeps; the wall clock does not.
function lookAtTheClocks() {
  const [now_ms, wall_ms] = [performance.now(), Date.now()];
  const slept_ms = wall_ms - tick.wall_ms - (now_ms - tick.at_ms);
  Object.assign(tick, { at_ms: now_ms, wall_ms });
  if (slept_ms < SLEPT_MS) return;
  slept(state, slept_ms);
  note(state, woke(slept_ms / 1000), "warn");
  connection.restart(now_ms);
}

const next = new NextSession(view.$("next-session"), {
  known: () => state.session,
  found: (sessions) => {
    state.sessions = sessions;
    drawPicker();
  },
  silent: () => connection.restart(performance.now()),
});
setInterval(() => {
  lookAtTheClocks();
  const goesOn = state.session !== null && state.ended === null;
  connection.checkSilence(tick.at_ms, goesOn);
  next.look(tick.at_ms, !goesOn && connection.state === "open");
  draw();
}, TICK_MS);
connection.open();
chart.load().then(draw);
