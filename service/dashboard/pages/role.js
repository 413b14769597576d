// Who uses the page, and what they may do: by the document that the service writes of its routes,
// so that the page cannot be of another opinion.

import { ask } from "../access.js";
import { el } from "../view.js";
import { get } from "./api.js";
import * as words from "./words.js";

const RANK = ["viewer", "operator", "admin"];

export async function whoAmI() {
  const me = await get("whoami"); // first: it asks for a token where one is needed
  const document_ = await (await ask("openapi.json")).json();
  return new Me(me, document_.paths);
}

class Me {
  constructor(facts, paths) {
    Object.assign(this, facts);
    this.paths = paths;
  }

  // Whether the service has the route at all; pages are older or newer than it.
  has(method, path) {
    return Boolean(this.paths[`/api/v1/${path}`]?.[method.toLowerCase()]);
  }

  needs(method, path) {
    const asked = this.paths[`/api/v1/${path}`]?.[method.toLowerCase()]?.["x-role"];
    return asked ?? (method === "GET" ? "viewer" : "operator");
  }

  may(method, path) {
    return RANK.indexOf(this.role) >= RANK.indexOf(this.needs(method, path));
  }

  // What stands where a button would be that does nothing.
  whyNot(what, method, path) {
    return el("p", "why-not", words.mayNot(what, this.needs(method, path), this));
  }
}
