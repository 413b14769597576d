// Sessions: start one, see and stop those that run, and look at what is kept of earlier ones.

import { $ } from "../view.js";
import { get, part } from "./api.js";
import { List } from "./lists.js";
import { begin, whileSeen } from "./page.js";
import { link, row, state } from "./parts.js";
import { Running } from "./running.js";
import { StartForm } from "./start.js";
import * as words from "./words.js";

const LOOK_MS = 2000;
const MOST = 50;

begin(async (me) => {
  const history = new List({
    name: "history",
    box: $("now-said"),
    ask: async (after) => {
      const page = await get(`history?limit=${MOST}${after ? `&after=${part(after)}` : ""}`);
      return { items: page.sessions, next: page.next };
    },
    draw: line,
    count: (all, more) => words.kept(all.length, more),
  });
  const running = new Running(me, { changed: () => history.first() });
  if (me.may("POST", "sessions")) await new StartForm(running).setUp();
  else $("start").replaceWith(me.whyNot(words.TO_START, "POST", "sessions"));
  await Promise.all([history.first(), running.look()]);
  whileSeen(async () => {
    await running.look();
    if (history.items.some((s) => running.isOld(s))) await history.first();
  }, LOOK_MS);
});

function line(s) {
  const who = s.participant ? link(s.participant, `./participants#${part(s.participant)}`) : "–";
  const told = state(words.SESSION_STATE, words.keptState(s));
  return row([s.id, who, words.moment(s.started_unix), words.lasted(s), told, s.reason || "–", s.bundle]);
}
