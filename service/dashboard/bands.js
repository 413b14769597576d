// Band power: how strong each rhythm of the EEG is, by region of the head. A bar is as long as the
// number is large, by decades; no colour says anything.

import { $, el, put } from "./view.js";
import * as words from "./words.js";

export const LEAST_UV2 = 0.1, MOST_UV2 = 1000; // the ends of the bars: four steps of ten
const WIDTH = 120, HEIGHT = 26;
const LEAST_SPAN = 1; // decades: what hardly moves must not look as if it did

export function renderBands(state, quality) {
  const section = $("bands");
  section.hidden = state.bundle !== null && !state.bundle.features?.eeg;
  const bands = quality?.bands ?? null;
  $("bands-none").hidden = bands !== null;
  put($("bands-none"), bands ? "" : words.noBands(state));
  $("bands-table").closest(".scroll").hidden = bands === null;
  section.dataset.shown = bands ? "yes" : "";
  if (!bands) return;
  const table = $("bands-table");
  layOut(table, bands);
  bands.names.forEach((name, k) => {
    const row = table.tBodies[0].rows[k];
    Object.keys(bands.power_uv2).forEach((region, i) => fill(row.cells[i + 1], bands.power_uv2[region][k]));
    drawTrend(row.cells[row.cells.length - 1].firstChild, name, state.bands.map((b) => ({ t_s: b.t_s, uv2: b.head[k] })));
  });
}

// Built anew only where bands or regions are others: numbers change in their place.
function layOut(table, { names, low_hz, high_hz, channels }) {
  const key = JSON.stringify([names, low_hz, high_hz, channels]);
  if (table.dataset.key === key) return;
  table.dataset.key = key;
  const head = el("tr");
  head.append(column("Band"), ...Object.entries(channels).map(([region, n]) => column(words.region(region), words.channels(n))), column("Two minutes", "whole head"));
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...names.map((name, k) => bandRow(name, `${low_hz[k]}–${high_hz[k]} Hz`, Object.keys(channels).length)));
}

function column(text, more = "") {
  const cell = el("th", "", text);
  cell.scope = "col";
  if (more) cell.append(el("span", "more", more));
  return cell;
}

function bandRow(name, range, n) {
  const row = el("tr");
  const head = el("th", "", words.sentence(name));
  head.scope = "row";
  head.append(el("span", "more", range));
  const cells = Array.from({ length: n }, () => {
    const cell = el("td");
    const track = el("span", "decades");
    track.append(el("span"));
    cell.append(el("span", "uv2"), track);
    return cell;
  });
  const trend = el("td", "trend");
  trend.append(svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" }));
  trend.firstChild.append(svg("path", {}));
  row.append(head, ...cells, trend);
  return row;
}

function fill(cell, uv2) {
  put(cell.firstChild, words.uv2(uv2));
  cell.lastChild.firstChild.style.inlineSize = `${100 * share(uv2)}%`;
}

export function share(uv2) {
  if (!(uv2 > 0)) return 0;
  const decades = Math.log10(uv2 / LEAST_UV2) / Math.log10(MOST_UV2 / LEAST_UV2);
  return Math.min(1, Math.max(0, decades));
}

// Each band on a scale of its own, at least a factor of ten high; a hole where nothing was measured.
function drawTrend(image, name, points) {
  const known = points.filter((p) => p.uv2 > 0);
  image.setAttribute("aria-label", words.trend(name, known.map((p) => p.uv2)));
  const logs = known.map((p) => Math.log10(p.uv2));
  const middle = (Math.max(...logs) + Math.min(...logs)) / 2;
  const span = Math.max(LEAST_SPAN, Math.max(...logs) - Math.min(...logs));
  const right_s = points.at(-1)?.t_s ?? 0;
  let pen = "M";
  const path = points.map(({ t_s, uv2 }) => {
    if (!(uv2 > 0)) {
      pen = "M";
      return "";
    }
    const x = WIDTH * (1 - (right_s - t_s) / words.TREND_S);
    const y = HEIGHT / 2 - (HEIGHT - 4) * ((Math.log10(uv2) - middle) / span);
    const step = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
    return step;
  });
  image.firstChild.setAttribute("d", path.join(""));
}

function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
