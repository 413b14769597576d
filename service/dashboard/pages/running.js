// The sessions that this run of the service knows: how each is, and a button that stops it.

import { $, el, put, replaceIfChanged } from "../view.js";
import { modalityName, STREAM_STATE } from "../words.js";
import { get, part, post } from "./api.js";
import { confirmed } from "./confirm.js";
import { button, facts, link, state } from "./parts.js";
import { atWork, explained, tell } from "./said.js";
import * as words from "./words.js";

const named = (session) => `${session.id} ${session.epoch}`;

// What a press was refused for stays until the next press; a look says its own things.
export class Running {
  constructor(me, { changed }) {
    Object.assign(this, { me, changed, over: null, ended: new Set() });
  }

  // Newest first; what has ended since the last look is in the history, too.
  async look() {
    const page = await tell($("now-said"), () => get("sessions?limit=1000"));
    if (page === null) return put($("now-state"), "");
    const sessions = page.sessions.reverse();
    put($("now-state"), sessions.length ? "" : words.NO_SESSION);
    replaceIfChanged($("running"), sessions.map((s) => this.card(s)));
    this.ended = new Set(sessions.filter((s) => words.OVER.has(s.status.state)).map(named));
    const over = sessions.map((s) => `${named(s)} ${this.ended.has(named(s))}`).join();
    if (this.over !== over && this.over !== null) await this.changed();
    this.over = over;
  }

  // Whether a row of the history is of a time before its session's end, which is written soon.
  isOld(kept) {
    return kept.ended_unix === null && this.ended.has(named(kept));
  }

  card(session) {
    const { id, status } = session;
    const card = el("article", "session");
    card.id = `session-${id}`;
    const head = el("h3");
    head.append(link(id, `./#${part(id)}`), state(words.SESSION_STATE, status.state));
    card.append(head);
    if (status.reason && !session.problem) card.append(el("p", "sub", status.reason));
    if (session.problem) card.append(...explained(session.problem));
    const who = session.participant ? link(session.participant, `./participants#${part(session.participant)}`) : "–";
    const streams = Object.entries(status.streams).map(([key, s]) => `${modalityName(key)}: ${STREAM_STATE[s.state]?.[0] ?? s.state}`);
    card.append(
      facts([
        ["Participant", who],
        ["Answers", words.answers(status.predictions, status.abstained)],
        ["Streams", streams.join("; ") || "–"],
      ]),
    );
    if (!words.OVER.has(status.state)) card.append(this.stop(id));
    return card;
  }

  stop(id) {
    const path = "sessions/{session_id}/stop";
    if (!this.me.may("POST", path)) return this.me.whyNot(words.TO_STOP, "POST", path);
    return button("Stop", `stop-${id}`, async (event) => {
      const sure = await confirmed({ title: `Stop the session ${id}`, text: words.STOPPING, yes: "Stop it" });
      if (!sure) return;
      await atWork($("stop-said"), () => post(`sessions/${part(id)}/stop`), { buttons: [event.target] });
      await this.look();
    });
  }
}
