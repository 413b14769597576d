// What these pages show was true when it was read: where the service does not answer any more, they
// say so, whatever they show.

import { ask } from "../access.js";
import { $, put } from "../view.js";
import { GONE, goneFor } from "./words.js";

const TIMEOUT_MS = 3000;

// Gives what is to be done again and again: one look at the service.
export function serviceWatch() {
  let heard_ms = performance.now();
  return async () => {
    const answers = await answering();
    if (answers) heard_ms = performance.now();
    put($("gone-text"), answers ? "" : GONE);
    put($("gone-age"), answers ? "" : goneFor((performance.now() - heard_ms) / 1000));
    $("gone").hidden = answers;
    $("main").dataset.stale = answers ? "" : "lost";
  };
}

async function answering() {
  try {
    return (await ask("healthz", { signal: AbortSignal.timeout(TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}
