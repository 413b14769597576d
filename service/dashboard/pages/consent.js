// The form that records a consent: which notice was shown, and who says so.

import { el } from "../view.js";
import { saidBox } from "./parts.js";
import { atWork } from "./said.js";
import * as words from "./words.js";

export class ConsentForm {
  // `record({notice, recorded_by})` sends it.
  constructor(notice, record) {
    this.form = el("form", "consent");
    this.form.id = "consent";
    const said = saidBox();
    const send = el("button", "", "Record the consent");
    send.type = "submit";
    this.form.append(
      el("p", "sub", words.SHOW_NOTICE),
      ...field("consent-notice", "Notice that was shown, by name and version", "notice", notice, "notice/1"),
      ...field("consent-by", "Recorded by", "recorded_by", "", "anna"),
      send,
      said,
    );
    this.form.onsubmit = (event) => {
      event.preventDefault();
      const body = Object.fromEntries([...new FormData(this.form)].map(([k, v]) => [k, v.trim()]));
      atWork(said, () => record(body), { buttons: [send] });
    };
  }
}

function field(id, text, name, value, example) {
  const label = el("label", "", text);
  label.htmlFor = id;
  const input = el("input");
  Object.assign(input, { id, name, value, placeholder: example, required: true, maxLength: 64, autocomplete: "off" });
  return [label, input];
}
