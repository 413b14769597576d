// Adaptation: on or off, and what it has done.

import { $, el, replaceIfChanged } from "../view.js";
import { get, newKey, part, post } from "./api.js";
import * as say from "./calibration_words.js";
import { button, facts, row, table } from "./parts.js";
import { atWork, tell } from "./said.js";
import { moment } from "./words.js";

const ROUTE = "sessions/{session_id}/adaptation";

export class Adapting {
  constructor(me, again) {
    Object.assign(this, { me, again, session: "" });
    $("adaptation-section").hidden = !me.has("POST", ROUTE);
  }

  async look(session) {
    if (!this.me.has("GET", ROUTE)) return;
    this.session = session.id;
    const answer = await tell($("adaptation-said"), () => get(this.path()));
    if (answer === null || session.id !== this.session) return;
    const now = answer.adaptation;
    const [text, tone] = say.ADAPTATION[now.state] ?? [now.state, "off"];
    replaceIfChanged($("adaptation-state"), [el("span", `state ${tone}`, text)]);
    replaceIfChanged($("adaptation-actions"), [this.switch_(now)]);
    replaceIfChanged($("adaptation-told"), told(now));
  }

  path() {
    return `sessions/${part(this.session)}/adaptation`;
  }

  switch_(now) {
    if (!this.me.may("POST", ROUTE)) return this.me.whyNot(say.TO_ADAPT, "POST", ROUTE);
    const on = ["off", "failed"].includes(now.state);
    return button(on ? say.SWITCH_ON : say.SWITCH_OFF, `adaptation-${on ? "on" : "off"}`, async (event) => {
      await atWork($("adaptation-said"), () => post(this.path(), { on }, newKey()), { buttons: [event.target] });
      await this.again();
    });
  }
}

function told(now) {
  const nodes = now.reason ? [el("p", "note", now.reason)] : [];
  if (now.state !== "off" || now.learnt || now.updates || now.labels) nodes.push(facts(say.adapted(now)));
  const backs = now.roll_backs.map((b) => row([moment(b.at_unix), `${b.from_version} → ${b.to_version}`, b.reason]));
  if (backs.length) nodes.push(el("h3", "", say.ROLL_BACKS), table("roll-backs", say.ROLL_BACKS, [say.WHEN, say.VERSION, say.WHY], backs.reverse()));
  return nodes;
}
