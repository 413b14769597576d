// Tokens: who has one, a new one, which is shown once, and taking one back.

import { $, el, put } from "../view.js";
import { get, part, post, remove } from "./api.js";
import { confirmed } from "./confirm.js";
import { begin } from "./page.js";
import { button, row } from "./parts.js";
import { atWork, tell } from "./said.js";
import * as words from "./words.js";

begin(async (me) => {
  const section = $("tokens-section");
  if (!me.may("GET", "tokens")) {
    for (const id of ["make", "tokens-state"]) $(id).remove();
    return section.append(me.whyNot(words.TO_SEE_TOKENS, "GET", "tokens"));
  }
  put($("tokens-asked"), me.with_token ? words.TOKENS_ASKED : words.TOKENS_NOT_ASKED);
  setUpForm(me);
  const answer = await tell($("tokens-said"), () => get("tokens"));
  if (answer) draw(answer.tokens, me);
  else put($("tokens-state"), "");
});

function setUpForm(me) {
  const form = $("make");
  const role = $("make-role");
  for (const [value, what] of Object.entries(words.ROLE)) role.append(new Option(what.name, value));
  const hint = () => put($("make-hint"), words.ROLE[role.value].may);
  role.onchange = hint;
  hint();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const body = { name: $("make-name").value.trim(), role: role.value };
    const made = await atWork(form.querySelector(".said"), () => post("tokens", body), { buttons: form.querySelectorAll("button") });
    if (!made) return $("make-name").focus();
    form.reset();
    hint();
    show(made);
    const answer = await tell($("tokens-said"), () => get("tokens"));
    if (answer) draw(answer.tokens, me);
  };
}

// The only time that anybody sees it: it is kept as a digest.
function show(made) {
  const said = el("p", "done", words.tokenMade(made));
  const token = el("code", "token", made.token);
  token.id = "made-token";
  token.tabIndex = 0;
  const copied = el("span", "sub");
  const copy = button(words.COPY, "made-copy", async () => {
    try {
      await navigator.clipboard.writeText(made.token);
      put(copied, words.COPIED);
    } catch {
      getSelection().selectAllChildren(token); // not over plain HTTP: by hand, then
      put(copied, words.COPY_YOURSELF);
    }
  });
  const line = el("div", "line");
  line.append(token, copy, button(words.HIDE, "made-hide", () => $("made").replaceChildren()), copied);
  $("made").replaceChildren(said, line);
  token.focus();
}

function draw(tokens, me) {
  const table = $("tokens-table");
  table.closest(".scroll").hidden = tokens.length === 0;
  put($("tokens-state"), tokens.length ? words.tokens(tokens.length) : words.NO_TOKEN);
  table.tBodies[0].replaceChildren(...tokens.map((token) => line(token, me)));
}

function line(token, me) {
  const mine = me.with_token && token.name === me.name;
  const name = mine ? words.yours(token.name) : token.name;
  const take = button(words.REVOKE, `revoke-${token.name}`, async (event) => {
    const text = mine ? words.REVOKING_YOURS : words.REVOKING;
    const sure = await confirmed({ title: words.revoke(token.name), text, yes: words.REVOKE, typed: mine ? token.name : "" });
    if (!sure) return;
    const left = await atWork($("tokens-said"), () => remove(`tokens/${part(token.name)}`), { buttons: [event.target] });
    if (left) draw(left.tokens, me);
  });
  take.setAttribute("aria-label", words.revoke(token.name));
  return row([name, words.ROLE[token.role]?.name ?? token.role, words.moment(token.created_unix), take], `token-${token.name}`);
}
