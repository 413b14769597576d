// A share with its name and its value in words, and a bar beside for who would rather see it.

import { el } from "../view.js";

export function measure(name, share, text) {
  const node = el("div", "measure");
  const bar = el("meter");
  Object.assign(bar, { min: 0, max: 1, value: share });
  bar.setAttribute("aria-label", name);
  node.append(el("span", "", name), bar, el("span", "sub", text));
  return node;
}
