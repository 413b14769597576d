// Requests to the contract. Each ends in what the service answered, or in `Refused` with the
// problem document that says why not.

import { ask } from "../access.js";
import { NO_ANSWER } from "./words.js";

const WAIT_MS = 30000;

export class Refused extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export const get = (path) => request(path, { method: "GET" });
export const remove = (path) => request(path, { method: "DELETE" });

// A request with the same `key` is carried out once, however often it is sent.
export function post(path, body = null, key = "") {
  const headers = key ? { "Idempotency-Key": key } : {};
  if (body === null) return request(path, { method: "POST", headers });
  headers["Content-Type"] = "application/json";
  return request(path, { method: "POST", headers, body: JSON.stringify(body) });
}

// crypto.randomUUID is not there on a page over plain HTTP.
export const newKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("-");

export const part = encodeURIComponent;

async function request(path, options) {
  let response;
  try {
    response = await ask(`api/v1/${path}`, { ...options, signal: AbortSignal.timeout(WAIT_MS) });
  } catch {
    throw new Refused({ title: NO_ANSWER, code: "no-answer" });
  }
  const answer = await read(response);
  if (!response.ok) throw new Refused(answer ?? { title: `${response.status} ${response.statusText}`, code: "" });
  return answer;
}

async function read(response) {
  try {
    return await response.json();
  } catch {
    return null; // not JSON: the status has to do
  }
}
