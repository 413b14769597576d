// A session that has ended says nothing any more, and neither does a service without one: whoever
// looks at it is told when another runs, and that the service has gone.

import { ask } from "./access.js";
import { nextSession } from "./words.js";

const LOOK_MS = 3000;
const OVER = new Set(["stopped", "failed"]);

export class NextSession {
  constructor(link, { known, found, silent }) {
    Object.assign(this, { link, known, found, silent, looked_ms: 0, asking: false });
  }

  // `wanted`: nothing goes on here.
  look(now_ms, wanted) {
    if (!wanted) this.link.hidden = true;
    if (!wanted || this.asking || document.hidden || now_ms - this.looked_ms < LOOK_MS) return;
    this.looked_ms = now_ms;
    this.asking = true;
    this.ask().finally(() => (this.asking = false));
  }

  async ask() {
    let response;
    try {
      response = await ask("api/v1/sessions?limit=1000");
    } catch {
      return this.silent();
    }
    if (!response.ok) return;
    const { sessions } = await response.json();
    this.found(sessions.map((s) => s.id));
    const other = sessions.findLast((s) => s.id !== this.known() && !OVER.has(s.status.state));
    this.link.hidden = !other;
    if (!other) return;
    this.link.href = `#${encodeURIComponent(other.id)}`;
    this.link.textContent = nextSession(other.id);
  }
}
