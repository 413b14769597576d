// The chart: lines for the probabilities, grey bands where there was no answer, red ones for gaps.
// Drawn at most four times a second, and not at all in a tab that nobody looks at.

import { HISTORY_S } from "./state.js";
import { clock, percent } from "./words.js";

const DASHES = ["solid", [7, 3], [2, 3], [9, 3, 2, 3], [14, 4], [1, 2], [5, 5]];
const MIN_PAUSE_MS = 250;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const classColour = (k) => css(`--class-${k % 7}`);

export class Chart {
  constructor(element) {
    this.element = element;
    this.instance = null;
    this.drawn_ms = 0;
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
    this.classes = "";
    this.drawn_ms = 0;
  }

  draw(state, now_ms, fresh) {
    this.element.dataset.points = state.points.length;
    this.element.dataset.gaps = state.gaps.length;
    if (!this.instance || document.hidden || now_ms - this.drawn_ms < MIN_PAUSE_MS) return;
    if (!state.bundle || !state.last) return;
    this.drawn_ms = now_ms;
    const key = state.bundle.classes.join("\n");
    if (key !== this.classes) {
      this.classes = key;
      this.instance.setOption(frameOption(state.bundle.classes), { notMerge: true });
    }
    this.instance.setOption(dataOption(state, now_ms, fresh), { lazyUpdate: true });
  }
}

function frameOption(classes) {
  const ink = css("--ink"), soft = css("--soft"), line = css("--line"), panel = css("--panel");
  const text = { color: soft, fontFamily: css("--font"), fontSize: 12 };
  return {
    animation: false,
    textStyle: text,
    grid: { left: 48, right: 16, top: 36, bottom: 26 },
    legend: { top: 0, left: 40, itemWidth: 30, itemHeight: 8, inactiveColor: line, textStyle: { ...text, color: ink, fontSize: 13 } },
    tooltip: {
      trigger: "axis", backgroundColor: panel, borderColor: line, confine: true,
      textStyle: { ...text, color: ink }, valueFormatter: (v) => (v === null ? "no answer" : percent(v)),
    },
    xAxis: {
      type: "time", axisLabel: { ...text, hideOverlap: true, formatter: (t) => clock(t / 1000) },
      axisLine: { lineStyle: { color: line } }, splitLine: { show: false }, splitNumber: 4,
    },
    yAxis: {
      type: "value", min: 0, max: 1, interval: 0.25, axisLabel: { ...text, formatter: percent },
      splitLine: { lineStyle: { color: line } },
    },
    series: classes.map((name, k) => ({
      id: `class-${k}`, name, type: "line", symbol: "none", connectNulls: false, data: [],
      color: classColour(k), lineStyle: { width: 2.5, type: DASHES[k % 7] },
    })),
  };
}

function dataOption(state, now_ms, fresh) {
  const behind_s = fresh ? (now_ms - state.lastAt_ms) / 1000 : 0; // time goes on while nothing comes
  const right_s = state.last.t_s + behind_s;
  const rows = withHoles(state.points, state.hop_s);
  return {
    xAxis: { min: (right_s - HISTORY_S) * 1000, max: right_s * 1000 },
    series: state.bundle.classes.map((name, k) => ({
      id: `class-${k}`,
      data: rows.map(({ t_s, p }) => [t_s * 1000, p?.[name] ?? null]),
      ...(k === 0 ? { markArea: bands(state) } : {}),
    })),
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
  const gaps = state.gaps.map((g) => band(g.from_s, g.to_s, "missed", css("--band-gap")));
  return { silent: true, data: [...silent, ...gaps] };
}

function band(from_s, to_s, name, colour) {
  const label = { show: to_s - from_s > 5, position: "insideTop", color: css("--soft"), fontSize: 11 };
  return [{ name, xAxis: from_s * 1000, itemStyle: { color: colour }, label }, { xAxis: to_s * 1000 }];
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
