// One calibration: its plan, how far it is, what came of it, and who decides.

import { $, el, put, replaceIfChanged } from "../view.js";
import { modalityName } from "../words.js";
import { get, newKey, part, post } from "./api.js";
import { measure } from "./measures.js";
import * as say from "./calibration_words.js";
import { confirmed } from "./confirm.js";
import { button, facts, row, state, table } from "./parts.js";
import { atWork, tell } from "./said.js";

const ROUTE = "sessions/{session_id}/calibration";

export class Calibrating {
  constructor(me, again) {
    Object.assign(this, { me, again, session: "", proposed: null });
    $("plan").onsubmit = (event) => this.begin(event);
    for (const id of ["plan-minutes", "plan-rest"]) $(id).oninput = () => this.tellPlan();
  }

  async look(session) {
    const other = session.id !== this.session;
    this.session = session.id;
    const answer = await tell($("calibration-said"), () => get(this.path()));
    if (answer === null || session.id !== this.session) return;
    if (other || !this.proposed) this.fill(answer);
    this.draw(answer.calibration, answer.note);
  }

  path(rest = "") {
    return `sessions/${part(this.session)}/calibration${rest}`;
  }

  fill({ proposed, policies }) {
    this.proposed = proposed;
    if (!proposed) return;
    $("plan-rest").value = proposed.baseline_s;
    $("plan-policy").replaceChildren(new Option(say.AS_SET, ""), ...policies.map((p) => new Option(say.POLICY[p] ?? p, p)));
    this.tellPlan();
  }

  tellPlan() {
    put($("plan-told"), say.plan(this.proposed, Number($("plan-minutes").value), Number($("plan-rest").value)));
  }

  draw(now, note) {
    const [text, tone] = now ? say.STATE[now.state] ?? [now.state, "off"] : say.NOT_YET;
    replaceIfChanged($("calibration-state"), [el("span", `state ${tone}`, text)]);
    replaceIfChanged($("calibration-progress"), now ? this.progress(now) : note ? [el("p", "note", note)] : []);
    replaceIfChanged($("calibration-actions"), now ? this.actions(now) : []);
    replaceIfChanged($("calibration-report"), now?.report ? report(now) : []);
    this.offer(!now || say.OVER.has(now.state));
  }

  // The form, where a calibration may begin; a sentence where it may not.
  offer(may) {
    const form = $("plan");
    if (!this.me.may("POST", ROUTE)) {
      if (form.isConnected) form.replaceWith(this.me.whyNot(say.TO_CALIBRATE, "POST", ROUTE));
      return;
    }
    form.hidden = !may || !this.proposed;
  }

  progress(now) {
    const nodes = [];
    if (!say.OVER.has(now.state)) {
      const bar = el("progress");
      bar.setAttribute("aria-label", say.HOW_FAR);
      Object.assign(bar, { max: 1, value: now.share });
      nodes.push(bar, el("p", "sub", say.howFar(now)));
    }
    if (now.reason) nodes.push(el("p", "note", now.reason));
    nodes.push(facts(say.counts(now)));
    const quality = Object.entries(now.quality);
    if (quality.length) nodes.push(el("h3", "", say.QUALITY), ...quality.map(([key, x]) => measure(modalityName(key), x, say.share(x))));
    const balance = Object.entries(now.balance);
    const all = balance.reduce((sum, [, n]) => sum + n, 0);
    if (all) nodes.push(el("h3", "", say.BALANCE), ...balance.map(([name, n]) => measure(name, n / all, say.windows(n))));
    return nodes;
  }

  actions(now) {
    const act = (text, id, rest, ask = null) =>
      button(text, `calibration-${id}`, async (event) => {
        if (ask && !(await confirmed(ask))) return;
        await atWork($("calibration-said"), () => post(this.path(rest), null, newKey()), { buttons: [event.target] });
        await this.again();
      });
    if (!this.me.may("POST", `${ROUTE}/accept`)) return [];
    const nodes = [];
    if (now.state === "ready") nodes.push(act(say.ACCEPT, "accept", "/accept", now.report?.risk === "high" && say.ACCEPTING), act(say.REJECT, "reject", "/reject"));
    if (now.may_finish) nodes.push(act(say.FINISH, "finish", "/finish"));
    if (!say.OVER.has(now.state) && now.state !== "ready") nodes.push(act(say.CANCEL, "cancel", "/cancel", say.CANCELLING));
    return nodes;
  }

  async begin(event) {
    event.preventDefault();
    const form = $("plan");
    const body = { seconds: Number($("plan-minutes").value) * 60, plan: { baseline_s: Number($("plan-rest").value) } };
    if ($("plan-policy").value) body.policy = $("plan-policy").value;
    const box = form.querySelector(".said");
    await atWork(box, () => post(this.path(), body, newKey()), { buttons: form.querySelectorAll("button") });
    await this.again();
  }
}

function report({ report: r, version, computed }) {
  const title = el("h3", "", say.reportOf(version));
  title.append(state(say.RISK, r.risk));
  const nodes = [title];
  if (r.reasons.length) {
    const list = el("ul");
    list.append(...r.reasons.map((reason) => el("li", "", reason)));
    nodes.push(list);
  }
  nodes.push(facts(say.reported(r, computed)));
  const rows = Object.entries(r.balance).map(([name, x]) => [name, say.share(x)]);
  if (rows.length) nodes.push(table("report-balance", say.ANSWERS_AFTER, [say.CLASS, say.SHARE], rows.map((cells) => row(cells))));
  return nodes;
}

