// What the service said to a request that it refused, and that something is at work.

import { el, replaceIfChanged } from "../view.js";
import { Refused } from "./api.js";
import * as words from "./words.js";

// Does the work, with what it says in the `said` box of its form or section.
export async function tell(box, work) {
  replaceIfChanged(box, []);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    replaceIfChanged(box, explained(error.problem));
    return null;
  }
}

// As `tell`, with the buttons of the form at rest and its progress bar moving meanwhile.
export async function atWork(box, work, { buttons = [], progress = null } = {}) {
  for (const button of buttons) button.disabled = true;
  if (progress) progress.hidden = false;
  try {
    return await tell(box, work);
  } finally {
    for (const button of buttons) button.disabled = false;
    if (progress) progress.hidden = true;
  }
}

export function explained(problem) {
  const node = el("div", "problem");
  node.dataset.code = problem.code ?? "";
  node.append(el("p", "what", problem.title));
  const facts = el("dl");
  for (const [name, text] of [[words.ASKED, problem.got], [words.EXPECTED, problem.expected], [words.TRY, words.HINT[problem.code] ?? problem.hint]]) {
    if (text) facts.append(el("dt", "", name), el("dd", "", text));
  }
  if (facts.children.length) node.append(facts);
  return [node];
}
