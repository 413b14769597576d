// Every booth that announced itself to this service, and what this service's own pool is like.

import { $, put } from "../view.js";
import { get } from "./api.js";
import { begin, whileSeen } from "./page.js";
import { row, state } from "./parts.js";
import { tell } from "./said.js";
import * as words from "./words.js";

const EVERY_MS = 2000;

begin(async () => {
  await draw();
  whileSeen(draw, EVERY_MS);
});

async function draw() {
  const section = $("fleet-section");
  const fleet = await tell(section.querySelector(".said"), () => get("fleet"));
  if (fleet === null) return put($("fleet-state"), "");
  const own = $("fleet-own");
  own.hidden = fleet.pool === null;
  if (fleet.pool) put(own, words.ownPool(fleet.pool));
  put($("fleet-state"), words.fleet(fleet.booths, fleet.replicas));
  const table = $("fleet-table");
  table.closest(".scroll").hidden = fleet.booths.length === 0;
  table.tBodies[0].replaceChildren(...fleet.booths.map(line));
}

function line(booth) {
  const there = Object.entries(booth.outcomes).filter(([kind]) => kind !== "pool");
  const elsewhere = there.map(([kind, n]) => `${n} ${kind}`).join(", ") || "0";
  return row([
    booth.booth, state(words.BOOTH, booth.state), words.secondsAgo(booth.heard_s_ago), String(booth.sessions),
    String(booth.predictions), String(booth.outcomes.pool ?? 0), elsewhere, booth.bundle,
  ], `booth-${booth.booth}`);
}
