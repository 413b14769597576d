// The WebSocket of the contract: one session where it is known, all of them until then.
// A page that comes back asks for what it missed with after_seq.

import { ticketed } from "./access.js";

const RETRY_MS = [300, 700, 1500, 3000, 5000];
const UNKNOWN_SESSION = 4404;
const SILENCE_MS = 20000; // a dead link that nobody closed

export class Connection {
  constructor({ onFrame, onChange }) {
    this.onFrame = onFrame;
    this.onChange = onChange;
    this.state = "connecting";
    this.session = null;
    this.afterSeq = null;
    this.attempt = 0;
    this.lastFrame_ms = 0;
    this.socket = null;
  }

  async open() {
    clearTimeout(this.timer);
    const mine = (this.turn = Symbol("turn"));
    let url;
    try {
      url = await ticketed(this.url());
    } catch {
      this.change("lost"); // no answer at all: as if the socket had not opened
      this.timer = setTimeout(() => this.open(), this.pause());
      return;
    }
    if (mine !== this.turn) return; // meanwhile another session was chosen
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.lastFrame_ms = performance.now();
      this.change("open");
    };
    socket.onmessage = (event) => this.receive(socket, event.data);
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      if (event.code === UNKNOWN_SESSION) this.forget();
      this.change("lost", event.code);
      this.timer = setTimeout(() => this.open(), this.pause());
    };
  }

  // Follow one session from its number `afterSeq` on (null: from now).
  follow(session, afterSeq = null) {
    this.session = session;
    this.afterSeq = afterSeq;
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.open();
  }

  // A service that was restarted does not know the old session: listen to whatever runs now.
  forget() {
    this.session = null;
    this.afterSeq = null;
  }

  // Only of a session that goes on is anything to be heard.
  checkSilence(now_ms, goesOn) {
    if (goesOn && this.state === "open" && now_ms - this.lastFrame_ms > SILENCE_MS) this.restart(now_ms);
  }

  // A close that nobody answers may take minutes: this socket is let go of at once.
  restart(now_ms) {
    this.lastFrame_ms = now_ms;
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.change("lost");
    this.open();
  }

  url() {
    const path = this.session
      ? `api/v1/sessions/${encodeURIComponent(this.session)}/ws`
      : "api/v1/ws";
    const url = new URL(path, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    if (this.session && this.afterSeq !== null) url.searchParams.set("after_seq", this.afterSeq);
    return url;
  }

  receive(socket, text) {
    if (socket !== this.socket) return;
    this.lastFrame_ms = performance.now();
    this.attempt = 0;
    this.onFrame(parse(text));
  }

  pause() {
    const base = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)];
    return base * (0.8 + 0.4 * Math.random()); // pages must not all come back at once
  }

  change(state, code = 0) {
    if (state === this.state) return;
    this.state = state;
    this.onChange(state, code);
  }
}

// Something that is not a frame becomes a frame of a type that nobody knows.
function parse(text) {
  const unreadable = { type: "unreadable" };
  try {
    const frame = JSON.parse(text);
    return frame !== null && typeof frame === "object" ? frame : unreadable;
  } catch {
    return unreadable;
  }
}
