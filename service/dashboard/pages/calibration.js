// Calibration: choose a session, then see and steer what is learnt of its participant.

import { $, el, put, replaceIfChanged } from "../view.js";
import { Adapting } from "./adapting.js";
import { get, part } from "./api.js";
import { Calibrating } from "./calibrating.js";
import * as say from "./calibration_words.js";
import { begin, whileSeen } from "./page.js";
import { Profiles } from "./profiles.js";
import { tell } from "./said.js";
import { OVER } from "./words.js";

const LOOK_MS = 1000;

begin(async (me) => {
  const page = new CalibrationPage(me);
  $("calibrate-session").onchange = (event) => {
    location.hash = part(event.target.value);
  };
  addEventListener("hashchange", () => page.look());
  await page.look();
  whileSeen(() => page.look(), LOOK_MS);
});

class CalibrationPage {
  constructor(me) {
    this.me = me;
    const again = () => this.look();
    this.parts = [new Calibrating(me, again), new Adapting(me, again), new Profiles(me, again)];
  }

  async look() {
    const found = await tell($("who-said"), () => get("sessions?limit=1000"));
    if (found === null) return this.nobody("");
    const theirs = found.sessions.filter((s) => s.participant && !OVER.has(s.status.state));
    const chosen = this.choose(theirs);
    if (!chosen) return this.nobody(found.sessions.some((s) => !OVER.has(s.status.state)) ? say.NOBODY_KNOWN : say.NO_SESSION);
    put($("who-state"), say.whose(chosen));
    $("of-session").hidden = false;
    await Promise.all(this.parts.map((each) => each.look(chosen)));
  }

  choose(sessions) {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const chosen = sessions.find((s) => s.id === wanted) ?? sessions[0];
    const options = sessions.map((s) => {
      const option = el("option", "", `${s.id} (${s.participant})`);
      option.value = s.id;
      return option;
    });
    replaceIfChanged($("calibrate-session"), options);
    $("who-choice").hidden = sessions.length === 0;
    $("who-start").hidden = sessions.length > 0;
    if (chosen) $("calibrate-session").value = chosen.id;
    return chosen;
  }

  nobody(text) {
    put($("who-state"), text);
    $("of-session").hidden = true;
  }
}
