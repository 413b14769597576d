// Asks before something that cannot be taken back; where it says so, the name must be typed.

import { $, put } from "../view.js";

export function confirmed({ title, text, yes, typed = "" }) {
  const dialog = $("confirm");
  const field = $("confirm-typed");
  const sure = $("confirm-yes");
  put($("confirm-title"), title);
  put($("confirm-text"), text);
  put(sure, yes);
  $("confirm-typing").hidden = !typed;
  put($("confirm-typing").querySelector("label"), `Type ${typed} to go on`);
  field.value = "";
  const check = () => (sure.disabled = Boolean(typed) && field.value.trim() !== typed);
  field.oninput = check;
  check();
  dialog.returnValue = "no";
  dialog.showModal();
  if (typed) field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
