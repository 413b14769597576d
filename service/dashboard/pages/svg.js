// Elements of drawings; attributes are numbers and names of ours, texts go in as text.

const SPACE = "http://www.w3.org/2000/svg";

export function shape(tag, attributes, ...children) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function picture(className, viewBox, label, ...children) {
  return shape("svg", { class: className, viewBox, role: "img", "aria-label": label }, ...children);
}

// One glyph alone, beside a word that says what it means.
export const glyph = (...children) => shape("svg", { class: "glyph", viewBox: "-9 -9 18 18", "aria-hidden": "true" }, ...children);
