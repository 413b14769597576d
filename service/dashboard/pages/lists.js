// A list that comes in pages: shows the first, and the next ones at the press of a button.

import { $, put } from "../view.js";
import { atWork, tell } from "./said.js";

// `ask(after)` gives `{items, next}`; `draw(item)` a row; `count(items, more)` the line above them.
export class List {
  constructor({ name, box, ask, draw, count }) {
    Object.assign(this, { name, box, ask, draw, count, items: [], next: null });
    this.more = $(`${name}-more`);
    this.more.onclick = () => this.further();
  }

  async first() {
    const page = await tell(this.box, () => this.ask(null));
    if (page === null) return put($(`${this.name}-state`), "");
    this.items = page.items;
    this.show(page.next);
  }

  async further() {
    const page = await atWork(this.box, () => this.ask(this.next), { buttons: [this.more] });
    if (page === null) return;
    this.items = [...this.items, ...page.items];
    this.show(page.next);
  }

  show(next) {
    this.next = next;
    const table = $(`${this.name}-table`);
    this.more.hidden = next === null;
    table.closest(".scroll").hidden = this.items.length === 0;
    put($(`${this.name}-state`), this.count(this.items, next !== null));
    table.tBodies[0].replaceChildren(...this.items.map(this.draw));
  }
}
