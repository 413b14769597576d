// Browser or Node: predictions in, markers out. No library, no build; used by jspsych.html.
export class Hadua {
  constructor(url = "http://127.0.0.1:8000", session = "demo") {
    this.api = `${url}/api/v1`;
    this.session = encodeURIComponent(session);
    this.latest = null; // the newest prediction
    this.last = null; // the newest frame: where to resume
    this.exchanges = []; // of the clocks
  }
  now = () => performance.now() / 1000;

  async sync(n = 8) { // LSL's clock against ours; the service keeps the best of the exchanges
    for (let k = 0; k < n; k++) {
      const asked_s = this.now();
      const { received_s, sent_s } = await (await fetch(`${this.api}/clock`)).json();
      this.exchanges.push({ asked_s, received_s, replied_s: sent_s, heard_s: this.now() });
    }
    this.exchanges = this.exchanges.slice(-64);
  }
  async mark(text, client_s = this.now()) { // {t_s, offset_s, uncertainty_ms}
    const body = JSON.stringify({ text, client_s, exchanges: this.exchanges });
    const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
    const answer = await fetch(`${this.api}/sessions/${this.session}/markers`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    return answer.json();
  }
  follow(onPrediction = () => {}) { // reconnects, and gets what it has missed
    const where = this.last ? `?after_seq=${this.last.seq}&epoch=${this.last.epoch}` : "";
    const socket = new WebSocket(`${this.api.replace("http", "ws")}/sessions/${this.session}/ws${where}`);
    socket.onmessage = ({ data }) => {
      const frame = (this.last = JSON.parse(data));
      if (frame.type === "prediction") onPrediction((this.latest = frame));
    };
    socket.onclose = () => { this.again = this.stopped || setTimeout(() => this.follow(onPrediction), 1000); };
    this.stop = () => { this.stopped = true; clearTimeout(this.again); socket.close(); };
  }
}
