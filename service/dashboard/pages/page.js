// What every page but the live one begins with: colours, who is there, and one place that says
// so if that fails.

import { setUpScheme } from "../scheme.js";
import { $, el, put } from "../view.js";
import { serviceWatch } from "./alive.js";
import { explained } from "./said.js";
import { Refused } from "./api.js";
import { whoAmI } from "./role.js";
import * as words from "./words.js";

const LOOK_MS = 3000;

export async function begin(page) {
  setUpScheme($("scheme"), () => {});
  try {
    const me = await whoAmI();
    put($("who"), words.who(me));
    await page(me);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const section = el("section");
    section.setAttribute("role", "alert");
    section.append(...explained(error.problem));
    $("main").append(section);
  }
  const look = serviceWatch();
  whileSeen(look, LOOK_MS);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  document.documentElement.dataset.ready = "yes";
}

// Again and again while the page is looked at, never twice at once.
export function whileSeen(work, pause_ms) {
  const round = async () => {
    if (!document.hidden) await work();
    setTimeout(round, pause_ms);
  };
  setTimeout(round, pause_ms);
}
