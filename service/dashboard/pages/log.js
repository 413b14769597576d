// The audit trail, newest first. The service gives it oldest first, so it is read to its end.

import { $, el, put } from "../view.js";
import { get } from "./api.js";
import { begin } from "./page.js";
import { row } from "./parts.js";
import { atWork } from "./said.js";
import * as words from "./words.js";

const PAGE = 1000;
const STEP = 100;

begin(async (me) => {
  const section = $("log-section");
  if (!me.may("GET", "audit")) {
    put($("log-state"), "");
    return section.append(me.whyNot(words.TO_SEE_LOG, "GET", "audit"));
  }
  const entries = await atWork(section.querySelector(".said"), everything, { progress: $("log-progress") });
  if (entries === null) return put($("log-state"), "");
  entries.reverse();
  let shown = STEP;
  const draw = () => {
    const table = $("log-table");
    table.tBodies[0].replaceChildren(...entries.slice(0, shown).map(line));
    table.closest(".scroll").hidden = entries.length === 0;
    $("log-more").hidden = shown >= entries.length;
    put($("log-state"), words.entries(Math.min(shown, entries.length), entries.length));
  };
  $("log-more").onclick = () => {
    shown += STEP;
    draw();
  };
  draw();
});

async function everything() {
  const entries = [];
  for (let after = 0; after !== null; ) {
    const page = await get(`audit?limit=${PAGE}&after=${after}`);
    entries.push(...page.entries);
    after = page.next;
    put($("log-state"), words.readSoFar(entries.length));
  }
  return entries;
}

function line(entry) {
  const mark = entry.token ? el("code", "", entry.token.slice(0, 8)) : "–";
  return row([words.exactly(entry.at_unix), entry.actor, entry.action, mark, words.detail(entry.detail)], `entry-${entry.n}`);
}
