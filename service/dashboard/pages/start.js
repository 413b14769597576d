// The form that starts a session: what is on the network, who takes part, and what became of it.

import { $, put } from "../view.js";
import { get, newKey, part, post } from "./api.js";
import { SourceChoice } from "./source_choice.js";
import { row } from "./parts.js";
import { atWork, tell } from "./said.js";
import * as words from "./words.js";

const SEARCH_S = 2;
const LOOK_MS = 500;
const BEGINNING = new Set(["starting", "waiting"]);

export class StartForm {
  constructor(running) {
    this.running = running;
    this.form = $("start");
    this.box = this.form.querySelector(".said");
    this.eeg = new SourceChoice($("start-eeg"), ["eeg"]);
    this.gaze = new SourceChoice($("start-gaze"), ["gaze", "eyetracker"]);
    this.key = newKey();
  }

  async setUp() {
    $("search").onclick = () => this.search();
    this.form.oninput = () => (this.key = newKey()); // another body is another request
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.start();
    };
    await this.people();
  }

  async people() {
    const page = await tell(this.box, () => get("participants?limit=1000"));
    const wanted = decodeURIComponent(location.hash.slice(1));
    const options = (page?.participants ?? []).map((p) => new Option(words.choice(p), p.id, false, p.id === wanted));
    $("start-participant").replaceChildren(new Option(words.NO_PARTICIPANT, ""), ...options);
  }

  async search() {
    put($("search-state"), words.SEARCHING);
    const work = () => get(`streams?timeout_s=${SEARCH_S}`);
    const found = await atWork(this.box, work, { buttons: [$("search")], progress: $("search-progress") });
    if (!found) return put($("search-state"), "");
    const { streams } = found;
    put($("search-state"), streams.length ? words.number(streams.length, "stream") + " found." : words.NO_STREAM);
    const table = $("streams-table");
    table.closest(".scroll").hidden = streams.length === 0;
    table.tBodies[0].replaceChildren(
      ...streams.map((s) => row([s.name, s.type || "–", words.count(s.n_channels), words.streamRate(s), s.hostname])),
    );
    for (const choice of [this.eeg, this.gaze]) choice.offer(streams);
    this.key = newKey();
  }

  async start() {
    const body = { eeg: this.eeg.value, gaze: this.gaze.value };
    body.participant = $("start-participant").value || null;
    body.id = $("start-id").value.trim() || null;
    put($("start-state"), "");
    const parts = { buttons: [$("start-go")], progress: $("start-progress") };
    await atWork(this.box, () => this.begun(body), parts);
    await this.running.look();
  }

  async begun(body) {
    let session = await post("sessions", body, this.key);
    this.key = newKey();
    while (BEGINNING.has(session.status.state)) {
      put($("start-state"), words.beginning(session.id, session.status));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      session = await get(`sessions/${part(session.id)}`);
    }
    put($("start-state"), words.begun(session.id, session.status.state));
  }
}
