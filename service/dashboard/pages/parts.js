// Small parts that these pages are made of. Text goes in as text, never as HTML.

import { el } from "../view.js";

export function state(table, key) {
  const [text, tone] = table[key] ?? [String(key), "off"];
  return el("span", `state ${tone}`, text);
}

export function button(text, id, onClick) {
  const node = el("button", "", text);
  Object.assign(node, { type: "button", id, onclick: onClick });
  return node;
}

export function link(text, href) {
  const node = el("a", "", text);
  node.href = href;
  return node;
}

export function facts(pairs) {
  const list = el("dl", "facts");
  for (const [name, value] of pairs) {
    const pair = el("div");
    const told = el("dd");
    told.append(value);
    pair.append(el("dt", "", name), told);
    list.append(pair);
  }
  return list;
}

// A row whose first cell names it; cells are texts or nodes.
export function row(cells, id = "") {
  const node = el("tr");
  node.id = id;
  cells.forEach((content, k) => {
    const cell = el(k === 0 ? "th" : "td");
    if (k === 0) cell.scope = "row";
    cell.append(content);
    node.append(cell);
  });
  return node;
}

export function headings(names) {
  const node = el("tr");
  for (const name of names) {
    const cell = el("th", "", name);
    cell.scope = "col";
    node.append(cell);
  }
  return node;
}

// In a region of its own that scrolls, so that a wide table does not widen the page.
export function table(id, label, names, rows) {
  const region = el("div", "scroll");
  for (const [key, value] of [["role", "region"], ["aria-label", label], ["tabindex", "0"]]) region.setAttribute(key, value);
  const node = el("table");
  node.id = id;
  const [head, body] = [el("thead"), el("tbody")];
  head.append(headings(names));
  body.append(...rows);
  node.append(head, body);
  region.append(node);
  return region;
}

export function saidBox() {
  const box = el("div", "said");
  box.setAttribute("role", "alert");
  return box;
}
