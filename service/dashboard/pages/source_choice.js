// One signal's source: nothing, a stream that was found, or a SOURCE that is typed.

import { $ } from "../view.js";
import * as words from "./words.js";

const OTHER = "other";

export class SourceChoice {
  // `types`: of the streams that are most likely meant, in lower case.
  constructor(select, types) {
    Object.assign(this, { select, types, field: $(`${select.id}-other`) });
    select.addEventListener("change", () => this.showField());
    this.offer([]);
  }

  get value() {
    return (this.select.value === OTHER ? this.field.value.trim() : this.select.value) || null;
  }

  // Streams of the right type first; the only one of them is chosen, unless something was before.
  offer(streams) {
    const before = this.select.value;
    const likely = streams.filter((s) => this.types.includes(s.type.toLowerCase()));
    const rest = streams.filter((s) => !likely.includes(s));
    const nothing = new Option(streams.length ? words.NOT_USED : words.SEARCH_FIRST, "");
    this.select.replaceChildren(nothing, ...likely.map(option), ...group(rest), new Option(words.SIMULATED, "sim:"), new Option(words.TYPED, OTHER));
    const kept = before && [...this.select.options].some((o) => o.value === before);
    this.select.value = kept ? before : likely.length === 1 ? likely[0].source : "";
    this.showField();
  }

  showField() {
    const typed = this.select.value === OTHER;
    this.field.parentElement.hidden = !typed;
    this.field.required = typed;
  }
}

const option = (s) => new Option(words.stream(s), s.source);

function group(streams) {
  if (!streams.length) return [];
  const node = document.createElement("optgroup");
  node.label = words.OTHER_TYPES;
  node.append(...streams.map(option));
  return [node];
}
