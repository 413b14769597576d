// The chart: lines for the probabilities, grey bands where there was no answer, red ones for gaps.
// Drawn at most four times a second, and not at all in a tab that nobody looks at.

import { HISTORY_S } from "./state.js";
import { truthRuns } from "./truth.js";
import { clock, percent, sentence } from "./words.js";

const DASHES = ["solid", [7, 3], [2, 3], [9, 3, 2, 3], [14, 4], [1, 2], [5, 5]];
const MIN_PAUSE_MS = 250;
const LEFT_PX = 48, RIGHT_PX = 16, STRIP_PX = 18;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const classColour = (k) => css(`--class-${k % 7}`);

export class Chart {
  constructor(element) {
    this.element = element;
    this.instance = null;
    this.drawn_ms = 0;
    this.drawn = ""; // what of the state
    this.classes = "";
  }

  async load() {
    try {
      const { echarts } = await import("./charts/index.js");
      this.instance = echarts.init(this.element, null, { renderer: "canvas" });
      new ResizeObserver(() => this.instance.resize()).observe(this.element);
    } catch {
      this.element.textContent = "The chart could not be loaded. The numbers are in the table below.";
      this.element.classList.add("empty");
    }
  }

  restyle() {
    this.classes = this.drawn = "";
    this.drawn_ms = 0;
  }

  draw(state, now_ms, fresh) {
    this.element.dataset.points = state.points.length;
    this.element.dataset.gaps = state.gaps.length;
    this.element.dataset.states = state.states.length;
    this.element.dataset.missedS = missedStretches(state).map((g) => (g.to_s - g.from_s).toFixed(1)).join(" ");
    if (!this.instance || document.hidden || now_ms - this.drawn_ms < MIN_PAUSE_MS) return;
    if (!state.bundle || !state.last) return;
    // Time goes on in it only while answers are late; otherwise it changes with an answer.
    const drawn = [state.session, state.epoch, state.last.seq, state.points.length, state.gaps.length, state.states.length].join();
    if (drawn === this.drawn && !fresh && !this.wasStale) return;
    Object.assign(this, { drawn, drawn_ms: now_ms, wasStale: fresh !== null });
    const known = state.states.length > 0;
    const key = [known, ...state.bundle.classes].join("\n");
    if (key !== this.classes) {
      this.classes = key;
      this.instance.setOption(frameOption(state.bundle.classes, known), { notMerge: true });
    }
    const px_per_s = (this.element.clientWidth - LEFT_PX - RIGHT_PX) / HISTORY_S;
    this.instance.setOption(dataOption(state, now_ms, fresh, px_per_s), { lazyUpdate: true });
  }
}

// With a known truth there is a second, low grid below: the strip of true states.
function frameOption(classes, known) {
  const ink = css("--ink"), soft = css("--soft"), line = css("--line"), panel = css("--panel");
  const text = { color: soft, fontFamily: css("--font"), fontSize: 12 };
  return {
    animation: false,
    textStyle: text,
    grid: [
      { left: LEFT_PX, right: RIGHT_PX, top: 36, bottom: 26 + (known ? STRIP_PX + 4 : 0) },
      ...(known ? [{ left: LEFT_PX, right: RIGHT_PX, height: STRIP_PX, bottom: 2 }] : []),
    ],
    legend: { top: 0, left: 40, itemWidth: 30, itemHeight: 8, inactiveColor: line, formatter: sentence, itemStyle: { opacity: 0 }, textStyle: { ...text, color: ink, fontSize: 13 } },
    tooltip: {
      trigger: "axis", backgroundColor: panel, borderColor: line, confine: true,
      textStyle: { ...text, color: ink }, valueFormatter: (v) => (v === null ? "no answer" : percent(v)),
    },
    xAxis: [{
      type: "time", axisLabel: { ...text, hideOverlap: true, formatter: (t) => clock(t / 1000) },
      axisLine: { lineStyle: { color: line } }, splitLine: { show: false }, splitNumber: 4,
    }, ...(known ? [{ type: "time", gridIndex: 1, show: false, axisPointer: { show: false } }] : [])],
    yAxis: [{
      type: "value", min: 0, max: 1, interval: 0.25, axisLabel: { ...text, formatter: percent },
      splitLine: { lineStyle: { color: line } },
    }, ...(known ? [{ type: "value", gridIndex: 1, min: 0, max: 1, show: false }] : [])],
    series: [...classes.map((name, k) => ({
      id: `class-${k}`, name, type: "line", symbol: "none", connectNulls: false, data: [],
      color: classColour(k), lineStyle: { width: 2.5, type: DASHES[k % 7] },
    })), ...(known ? [{ id: "truth", type: "line", xAxisIndex: 1, yAxisIndex: 1, symbol: "none", data: [], tooltip: { show: false } }] : [])],
  };
}

function dataOption(state, now_ms, fresh, px_per_s) {
  // Time goes on while nothing comes, but the last picture stays; a session that ended stands still.
  const behind_s = fresh && fresh.kind !== "ended" ? Math.min((now_ms - state.lastAt_ms) / 1000, HISTORY_S / 2) : 0;
  const right_s = state.last.t_s + behind_s;
  const left_s = right_s - HISTORY_S;
  const rows = withHoles(state.points, state.hop_s);
  const truth = truthRuns(state, left_s, state.last.t_s);
  const span = { min: left_s * 1000, max: right_s * 1000 };
  const classes = state.bundle.classes;
  const lines = classes.map((name, k) => ({
    id: `class-${k}`,
    data: rows.map(({ t_s, p }) => [t_s * 1000, p?.[name] ?? null]),
    ...(k === 0 ? { markArea: bands(state), markLine: changes(truth) } : {}),
  }));
  if (!state.states.length) return { xAxis: [span], series: lines };
  return { xAxis: [span, span], series: [...lines, { id: "truth", markArea: strip(truth, classes, px_per_s) }] };
}

function strip(truth, classes, px_per_s) {
  const ink = css("--ink"), font = css("--font");
  const data = truth.map(({ value, from_s, to_s }) => {
    const k = classes.indexOf(value);
    const name = sentence(value);
    const label = { show: (to_s - from_s) * px_per_s > 6.5 * name.length + 4, position: "inside", color: ink, fontFamily: font, fontSize: 12 };
    const colour = classColour(k < 0 ? 6 : k);
    const look = { color: colour, opacity: 0.3, borderColor: colour, borderWidth: 1 };
    return [{ name, xAxis: from_s * 1000, itemStyle: look, label }, { xAxis: to_s * 1000 }];
  });
  return { silent: true, data };
}

function changes(truth) {
  return {
    silent: true, symbol: "none", animation: false, label: { show: false },
    lineStyle: { color: css("--soft"), width: 1, type: [4, 4] },
    data: truth.filter((run) => run.begins).map(({ from_s }) => ({ xAxis: from_s * 1000 })),
  };
}

// A line must not bridge a stretch that nobody measured.
function withHoles(points, hop_s) {
  const rows = [];
  for (const point of points) {
    const before = rows.at(-1);
    if (before && point.t_s - before.t_s > 1.6 * hop_s) rows.push({ t_s: before.t_s + 0.001, p: null });
    rows.push(point);
  }
  return rows;
}

function bands(state) {
  const silent = runs(state.points, state.hop_s).map(({ from_s, to_s }) => band(from_s, to_s, "no answer", css("--band")));
  const gaps = missedStretches(state).map(({ from_s, to_s }) => band(from_s, to_s, "missed", css("--band-gap")));
  return { silent: true, data: [...silent, ...gaps] };
}

function band(from_s, to_s, name, colour) {
  const label = { show: to_s - from_s > 5, position: "insideTop", color: css("--soft"), fontSize: 11 };
  return [{ name, xAxis: from_s * 1000, itemStyle: { color: colour }, label }, { xAxis: to_s * 1000 }];
}

// From the last answer before the missing frames to the first one after them. Frames that were no
// answers leave no hole.
function missedStretches({ points: all, gaps, hop_s, last, epoch }) {
  const points = all.filter((p) => p.epoch === epoch);
  if (!points.length) return [];
  return gaps
    .map(({ from_seq, to_seq }) => {
      const from_s = points.findLast((p) => p.seq < from_seq)?.t_s ?? points[0].t_s;
      return { from_s, to_s: points.find((p) => p.seq > to_seq)?.t_s ?? last.t_s };
    })
    .filter(({ from_s, to_s }) => to_s - from_s > 1.6 * hop_s);
}

function runs(points, hop_s) {
  const found = [];
  for (const { t_s, abstained } of points) {
    if (!abstained) continue;
    const open = found.at(-1);
    if (open && t_s - open.to_s < 1.6 * hop_s) open.to_s = t_s;
    else found.push({ from_s: t_s - hop_s, to_s: t_s });
  }
  return found;
}
