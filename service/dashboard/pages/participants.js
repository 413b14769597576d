// Who takes part: the list, a new entry, and one participant, whose id is in the address.

import { $, put } from "../view.js";
import { get, part, post } from "./api.js";
import { List } from "./lists.js";
import { begin } from "./page.js";
import { link, row, state } from "./parts.js";
import { Person } from "./person.js";
import { atWork } from "./said.js";
import * as words from "./words.js";

const MOST = 100;

begin(async (me) => {
  const list = new List({
    name: "people",
    box: $("enter").querySelector(".said"),
    ask: async (after) => {
      const page = await get(`participants?limit=${MOST}${after ? `&after=${part(after)}` : ""}`);
      return { items: page.participants, next: page.next };
    },
    draw: line,
    count: (all, more) => (all.length ? words.people(all.length, more) : words.NOBODY),
  });
  const person = new Person(me, { changed: () => list.first(), notices: () => noticeOf(list.items) });
  if (me.may("POST", "participants")) setUpEntry(list);
  else $("enter").replaceWith(me.whyNot(words.TO_ENTER, "POST", "participants"));
  addEventListener("hashchange", () => choose(person));
  await list.first();
  await choose(person);
});

export const consentOf = (p) => (p.consented ? "given" : p.consents.length ? "withdrawn" : "none");

function line(p) {
  const name = link(p.id, `#${part(p.id)}`);
  return row([name, state(words.CONSENT, consentOf(p)), words.count(p.sessions), words.moment(p.created_unix)], `person-${p.id}`);
}

// The notice that was shown last is most likely the one that is shown next.
function noticeOf(people) {
  const given = people.flatMap((p) => p.consents).sort((a, b) => b.given_unix - a.given_unix);
  return given[0]?.notice ?? "";
}

async function choose(person) {
  const id = decodeURIComponent(location.hash.slice(1));
  await person.show(id);
  for (const each of document.querySelectorAll("#people-table a")) {
    if (each.hash === location.hash) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
}

function setUpEntry(list) {
  const form = $("enter");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const id = $("enter-id").value.trim();
    const buttons = form.querySelectorAll("button");
    const entered = await atWork(form.querySelector(".said"), () => post("participants", { id }), { buttons });
    if (!entered) return $("enter-id").focus();
    form.reset();
    put($("enter-hint"), words.entered(entered.id));
    await list.first();
    location.hash = part(entered.id);
  };
}
