// The versions of a participant's profile: which answers, what is known of each, and going back.

import { $, el, put, replaceIfChanged } from "../view.js";
import { get, newKey, part, post } from "./api.js";
import * as say from "./calibration_words.js";
import { confirmed } from "./confirm.js";
import { button, row, state, table } from "./parts.js";
import { atWork, tell } from "./said.js";
import { moment } from "./words.js";

const BACK = "sessions/{session_id}/rollback";
const NEWEST = 20;

export class Profiles {
  constructor(me, again) {
    Object.assign(this, { me, again, session: "" });
  }

  async look(session) {
    this.session = session.id;
    const found = await tell($("profiles-said"), () => get(`participants/${part(session.participant)}/profiles`));
    if (session.id !== this.session) return;
    if (found === null) return put($("profiles-state"), "");
    const serves = session.status.profile_version;
    put($("profiles-state"), say.serves(serves, found.versions.length));
    replaceIfChanged($("profiles-told"), found.versions.length || found.events.length ? this.told(found, serves) : []);
  }

  told(found, serves) {
    const versions = [...found.versions].reverse();
    const rows = versions.map((v) => this.line(v, serves));
    rows.push(row([say.SHIPPED, "–", "–", "–", this.back(0, serves)], "profile-0"));
    const events = [...found.events].reverse().slice(0, NEWEST);
    const damaged = Object.entries(found.damaged).map(([version, why]) => el("p", "note", say.damaged(version, why)));
    return [
      table("profiles-table", say.VERSIONS, [say.VERSION, say.MADE_BY, say.LEARNT_FROM, say.RISK_TITLE, say.IN_FORCE], rows),
      ...damaged,
      el("h3", "", say.HISTORY),
      table("events-table", say.HISTORY, [say.WHEN, say.WHAT, say.VERSION, say.WHY], events.map((e) => row([moment(e.at_unix), say.event(e.event), String(e.version), e.reason || "–"]))),
    ];
  }

  line(v, serves) {
    const made = say.ORIGIN[v.origin] ?? v.origin;
    const risk = state(say.RISK, v.report.risk);
    return row([String(v.version), made, say.windows(v.report.windows_used), risk, this.back(v.version, serves)], `profile-${v.version}`);
  }

  back(version, serves) {
    if (version === serves) return el("strong", "", say.ANSWERS_NOW);
    if (!this.me.may("POST", BACK)) return "–";
    const node = button(say.GO_BACK, `serve-${version}`, async (event) => {
      const sure = await confirmed({ title: say.goBack(version), text: say.GOING_BACK, yes: say.GO_BACK });
      if (!sure) return;
      const work = () => post(`sessions/${part(this.session)}/rollback`, { version, reason: say.BY_PAGE }, newKey());
      await atWork($("profiles-said"), work, { buttons: [event.target] });
      await this.again();
    });
    node.setAttribute("aria-label", say.goBack(version));
    return node;
  }
}
