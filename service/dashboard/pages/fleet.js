// Every booth that announced itself to this service, and what this service's own pool is like.

import { $, el, put, replaceIfChanged } from "../view.js";
import { get, part, remove } from "./api.js";
import { confirmed } from "./confirm.js";
import * as words from "./fleet_words.js";
import { begin, whileSeen } from "./page.js";
import { button, headings, row, state } from "./parts.js";
import { atWork, tell } from "./said.js";

const EVERY_MS = 2000;

begin(async (me) => {
  $("fleet-table").tHead.replaceChildren(headings(words.COLUMNS));
  const look = async () => draw(await tell($("fleet-said"), () => get("fleet")), me);
  await look();
  whileSeen(look, EVERY_MS);
});

function draw(fleet, me) {
  if (fleet === null) return put($("fleet-state"), "");
  drawOwn(fleet.pool);
  $("fleet-section").hidden = fleet.pool !== null && fleet.booths.length === 0; // a booth that is no pool
  put($("fleet-state"), words.fleet(fleet));
  const table = $("fleet-table");
  table.closest(".scroll").hidden = fleet.booths.length === 0;
  renew(table.tBodies[0], words.worstFirst(fleet.booths).map((booth) => line(booth, me)));
}

function drawOwn(pool) {
  $("own-section").hidden = pool === null;
  if (pool === null) return;
  replaceIfChanged($("own-pool"), [el("span", "", pool.address), state(words.POOL, pool.state)]);
  put($("own-windows"), words.ownWindows(pool.outcomes));
  $("own-reason").hidden = pool.state === "answering";
  put($("own-reason"), words.ownReason(pool.reason));
}

function line(booth, me) {
  const how = el("div");
  how.append(state(words.BOOTH, booth.state));
  const seen = words.seenFromThere(booth);
  if (seen && booth.state === "alive") how.append(el("div", "sub", seen));
  const model = el("div", "", booth.bundle);
  model.append(el("div", "sub", `HADUA ${booth.version}`));
  return row([
    booth.booth, how, words.heard(booth.heard_s_ago), words.count(booth.sessions), words.count(booth.predictions),
    words.count(booth.outcomes.pool ?? 0), words.answeredThere(booth.outcomes), model, forget(booth, me),
  ], `booth-${booth.booth}`);
}

// One that lives would be back with its next word.
function forget(booth, me) {
  if (booth.state !== "silent" || !me.may("DELETE", "fleet/booths/{booth}")) return "";
  const name = booth.booth;
  const node = button(words.FORGET, `forget-${name}`, async (event) => {
    const sure = await confirmed({ title: words.forget(name), text: words.FORGETTING, yes: words.FORGET });
    if (!sure) return;
    const left = await atWork($("forget-said"), () => remove(`fleet/booths/${part(name)}`), { buttons: [event.target] });
    if (left) draw(left, me);
  });
  node.setAttribute("aria-label", words.forget(name));
  return node;
}

// Cell by cell: the ages change with every look, and a button must not lose the keyboard for that.
function renew(body, rows) {
  const before = [...body.rows].map((old) => old.id).join(" ");
  if (before !== rows.map((next) => next.id).join(" ")) return body.replaceChildren(...rows);
  rows.forEach((next, k) => {
    const old = body.rows[k];
    [...next.cells].forEach((cell, c) => cell.isEqualNode(old.cells[c]) || old.cells[c].replaceWith(cell));
  });
}
