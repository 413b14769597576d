// The head from above. Each state has a shape of its own beside its colour: a disc is good, a
// triangle hums, a square with a cross is bad, a dashed ring is missing.

import { glyph, picture, shape } from "./svg.js";
import * as words from "./preflight_words.js";

const REACH = 100;

const MARK = {
  good: () => shape("circle", { r: 5.5 }),
  noisy: () => shape("path", { d: "M0 -7 L7 5.5 L-7 5.5 Z" }),
  bad: () => shape("path", { d: "M-6 -6 H6 V6 H-6 Z M-3.4 -3.4 L3.4 3.4 M3.4 -3.4 L-3.4 3.4" }),
  missing: () => shape("circle", { r: 5, "stroke-dasharray": "2.4 2" }),
};
const RING = () => shape("circle", { r: 8.4, class: "ring" });

const marked = (state, ...more) => shape("g", { class: `electrode ${state}` }, ...more, MARK[state]());

export const HEAD_KEY = [
  [() => glyph(marked("good")), "good"],
  [() => glyph(marked("noisy")), "hum, but used"],
  [() => glyph(marked("bad")), "bad: not used"],
  [() => glyph(marked("missing")), "not in the stream"],
  [() => glyph(marked("missing", RING())), "with a ring: interpolated"],
];

export function drawHead(electrodes) {
  const outline = shape("g", { class: "outline" },
    shape("path", { d: `M-13 ${-REACH + 1} L0 ${-REACH - 16} L13 ${-REACH + 1}` }),
    shape("path", { d: `M${-REACH} -14 q-11 14 0 28 M${REACH} -14 q11 14 0 28` }),
    shape("circle", { r: REACH }),
  );
  return picture("head", "-136 -122 272 252", words.electrodes(electrodes), outline, ...electrodes.map(place), ...electrodes.map(name));
}

const at = (e) => `translate(${(REACH * e.x).toFixed(1)} ${(-REACH * e.y).toFixed(1)})`;

// Above all marks, so that none hides a name.
function name(e) {
  const node = shape("text", { y: 13.5, transform: at(e) });
  node.textContent = e.name;
  return node;
}

function place(e) {
  const node = shape("g", { class: `electrode ${e.state}`, transform: at(e), "data-name": e.name });
  const title = shape("title", {});
  title.textContent = words.electrode(e);
  node.append(title, ...(e.interpolated ? [RING()] : []), MARK[e.state]?.() ?? MARK.missing());
  return node;
}
