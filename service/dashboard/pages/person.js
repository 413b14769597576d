// One participant: what they agreed to, their sessions, and what can be done about both.

import { $, el, put, replaceIfChanged } from "../view.js";
import { get, part, post, remove } from "./api.js";
import { confirmed } from "./confirm.js";
import { ConsentForm } from "./consent.js";
import { download } from "./download.js";
import { button, facts, link, row, saidBox, state, table } from "./parts.js";
import { atWork, tell } from "./said.js";
import * as words from "./words.js";

const LOOK_MS = 1500;
const THEIRS = "/sessions?limit=20";
const ONE = "participants/{participant}";

export class Person {
  constructor(me, { changed, notices }) {
    Object.assign(this, { me, changed, notices, id: "" });
  }

  async show(id) {
    this.id = id;
    const shown = $("person-facts");
    if (!id) {
      put($("person-title"), words.ONE_PARTICIPANT);
      return shown.replaceChildren(el("p", "sub", words.CHOOSE));
    }
    put($("person-title"), id);
    const box = saidBox();
    shown.replaceChildren(el("p", "sub", words.READING), box);
    const found = await tell(box, () => Promise.all([get(this.path()), get(this.path(THEIRS))]));
    if (id !== this.id) return; // another was chosen meanwhile
    if (found) this.draw(...found);
    else shown.replaceChildren(box);
    if (found) $("person").focus({ preventScroll: innerWidth > 760 });
  }

  path(rest = "") {
    return `participants/${part(this.id)}${rest}`;
  }

  draw(person, theirs) {
    const box = saidBox();
    $("person-facts").replaceChildren(
      facts([["Entered", words.moment(person.created_unix)], ["Sessions kept", words.count(person.sessions)]]),
      box,
      ...this.consents(person, box),
      this.sessions(theirs),
      ...this.keeping(box),
    );
  }

  consents(person, box) {
    const rows = person.consents.map((c) =>
      row([c.notice, words.moment(c.given_unix), c.recorded_by, c.withdrawn_unix ? words.moment(c.withdrawn_unix) : "–"]),
    );
    const title = el("h3", "", "Consent");
    title.append(state(words.CONSENT, person.consented ? "given" : rows.length ? "withdrawn" : "none"));
    const nodes = [title];
    if (rows.length) nodes.push(table("consents-table", "Consents", ["Notice shown", "Given", "Recorded by", "Withdrawn"], rows));
    const kind = person.consented ? "DELETE" : "POST";
    if (!this.me.may(kind, `${ONE}/consent`)) return [...nodes, this.me.whyNot(words.TO_CONSENT, kind, `${ONE}/consent`)];
    if (person.consented) return [...nodes, button("Record that it is withdrawn", "withdraw", (e) => this.withdraw(box, e.target))];
    return [...nodes, new ConsentForm(this.notices(), (body) => this.consent(body)).form];
  }

  async consent(body) {
    await post(this.path("/consent"), body);
    await this.again();
  }

  async withdraw(box, pressed) {
    const sure = await confirmed({ title: `${this.id} takes their consent back`, text: words.WITHDRAWING, yes: "Withdrawn: record it" });
    if (!sure) return;
    const done = await atWork(box, () => remove(this.path("/consent")), { buttons: [pressed] });
    if (done) await this.again();
  }

  // Looked at again while one goes on: its end is written after it has stopped.
  sessions(theirs) {
    const { id } = this;
    const region = el("div");
    region.id = "theirs";
    const draw = ({ sessions, next }) => {
      replaceIfChanged(region, this.listed(sessions, next));
      if (sessions.some((s) => s.ended_unix === null)) setTimeout(again, LOOK_MS);
    };
    const again = async () => {
      if (id !== this.id || !region.isConnected) return;
      const found = await get(this.path(THEIRS)).catch(() => null); // no answer: leave it as it is
      if (found) draw(found);
    };
    draw(theirs);
    return region;
  }

  listed(sessions, next) {
    const start = link(words.START_ONE, `./sessions#${part(this.id)}`);
    start.id = "start-theirs";
    const rows = sessions.map((s) => row([s.id, words.moment(s.started_unix), state(words.SESSION_STATE, words.keptState(s)), words.lasted(s)]));
    const shown = rows.length ? [table("theirs-table", "Sessions", ["Session", "Started", "State", "Lasted"], rows)] : [];
    const rest = next ? [el("p", "sub", words.newestOf(rows.length))] : [];
    return [el("h3", "", "Sessions"), ...shown, ...rest, start];
  }

  keeping(box) {
    const title = el("h3", "", "What is kept of them");
    const nodes = [title, this.progress()];
    const buttons = el("div", "buttons");
    for (const [what, method, path, make] of [
      [words.TO_EXPORT, "GET", `${ONE}/export`, () => button("Export everything", "export", (e) => this.export(box, e.target))],
      [words.TO_ERASE, "DELETE", ONE, () => button("Erase everything …", "erase", (e) => this.erase(box, e.target))],
    ]) {
      if (!this.me.has(method, path)) continue;
      if (this.me.may(method, path)) buttons.append(make());
      else nodes.push(this.me.whyNot(what, method, path));
    }
    return buttons.children.length ? [...nodes, buttons] : nodes;
  }

  progress() {
    const bar = el("progress");
    bar.id = "person-progress";
    bar.hidden = true;
    bar.setAttribute("aria-label", words.AT_WORK);
    return bar;
  }

  async export(box, pressed) {
    const work = () => download(this.path("/export"), `${this.id}.zip`);
    await atWork(box, work, { buttons: [pressed], progress: $("person-progress") });
  }

  async erase(box, pressed) {
    const { id } = this;
    const sure = await confirmed({ title: `Erase everything that is kept of ${id}`, text: words.ERASING, yes: "Erase", typed: id });
    if (!sure) return;
    const gone = await atWork(box, () => remove(this.path()), { buttons: [pressed], progress: $("person-progress") });
    if (!gone) return;
    await this.changed();
    history.replaceState(null, "", location.pathname);
    await this.show("");
    const said = el("p", "done", `${id}. ${words.erased(gone)}`);
    said.setAttribute("role", "status");
    $("person-facts").prepend(said);
  }

  async again() {
    await this.changed();
    await this.show(this.id);
  }
}
