// What the service was told when it was started; a secret is only said to be there.

import { $, el, put } from "../view.js";
import { get } from "./api.js";
import { begin } from "./page.js";
import { row } from "./parts.js";
import { tell } from "./said.js";
import * as words from "./words.js";

begin(async (me) => {
  const section = $("settings-section");
  if (!me.may("GET", "settings")) {
    put($("settings-state"), "");
    return section.append(me.whyNot(words.TO_SEE_SETTINGS, "GET", "settings"));
  }
  const answer = await tell(section.querySelector(".said"), () => get("settings"));
  if (answer === null) return put($("settings-state"), "");
  const only = $("settings-changed");
  const draw = () => {
    const shown = answer.settings.filter((s) => s.is_set || !only.checked);
    $("settings-table").tBodies[0].replaceChildren(...shown.map(line));
    put($("settings-state"), words.settings(shown.length, answer.settings.filter((s) => s.is_set).length));
  };
  only.onchange = draw;
  draw();
  $("settings-shown").hidden = false;
});

function line(setting) {
  const name = el("span");
  name.append(broken("code", "", setting.key), broken("span", "sub block", setting.variable));
  const value = setting.secret ? (setting.is_set ? words.SECRET : "–") : words.value(setting.value);
  const shown = el(setting.is_set ? "strong" : "span", "", value);
  return row([name, shown, words.value(setting.default), setting.description], `setting-${setting.key}`);
}

// A long name may break after its underscores; what is copied of it has no break.
function broken(tag, className, text) {
  const node = el(tag, className);
  text.split(/(?<=_)/).forEach((piece) => node.append(piece, document.createElement("wbr")));
  return node;
}
