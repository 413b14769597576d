// The screen as the eyes see it: a disc where gaze lay, a triangle where it lay beside the screen,
// and how much of each eye was seen.

import { glyph, picture, shape } from "./svg.js";
import * as words from "./preflight_words.js";

const [HALF_X, HALF_Y, ROOM] = [80, 45, 1.25];

const DISC = () => shape("circle", { r: 1.7, class: "gaze" });
const BESIDE = () => shape("path", { d: "M0 -3.4 L3.4 2.6 L-3.4 2.6 Z", class: "beside" });
const NEWEST = () => shape("circle", { r: 4.5, class: "newest" });

export const EYES_KEY = [
  [() => glyph(shape("g", { transform: "scale(2)" }, DISC())), "gaze on the screen"],
  [() => glyph(shape("g", { transform: "scale(2)" }, BESIDE())), "beside the screen"],
  [() => glyph(shape("g", { transform: "scale(1.4)" }, NEWEST())), "the newest"],
];

export function drawEyes(gaze) {
  const outside = gaze.points.filter(([x, y]) => Math.abs(x) > 1 || Math.abs(y) > 1).length;
  const screen = shape("rect", { x: -HALF_X, y: -HALF_Y, width: 2 * HALF_X, height: 2 * HALF_Y, class: "screen", rx: 2 });
  const points = gaze.points.map((p) => put(p, beside(p) ? BESIDE() : DISC()));
  const newest = gaze.points.length ? [put(gaze.points.at(-1), NEWEST())] : [];
  const bars = [["L", gaze.lost_left, -78], ["R", gaze.lost_right, 4]].flatMap(([side, lost, x]) => bar(side, lost, x));
  return picture("eyes", "-108 -60 216 138", words.gaze(gaze, outside), screen, ...points, ...newest, ...bars);
}

const beside = ([x, y]) => Math.abs(x) > 1 || Math.abs(y) > 1;

// What lies far away is drawn at the edge of the picture.
function put([x, y], mark) {
  const near = (value) => Math.max(-ROOM, Math.min(ROOM, value));
  return shape("g", { transform: `translate(${(HALF_X * near(x)).toFixed(1)} ${(HALF_Y * near(y)).toFixed(1)})` }, mark);
}

function bar(side, lost, x) {
  const name = shape("text", { x, y: 72, class: "side" });
  name.textContent = side;
  const seen = 64 * (1 - lost);
  return [
    name,
    shape("rect", { x: x + 9, y: 65, width: 64, height: 8, class: "all" }),
    shape("rect", { x: x + 9, y: 65, width: seen.toFixed(1), height: 8, class: "seen" }),
  ];
}
