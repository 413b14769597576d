// Recordings: how each session's stands, buttons that begin and end it, and what lies on the disk.

import { $, el, put, replaceIfChanged } from "../view.js";
import { modalityName } from "../words.js";
import { get, part, post } from "./api.js";
import { List } from "./lists.js";
import { begin, whileSeen } from "./page.js";
import { button, facts, link, row, state } from "./parts.js";
import { atWork, tell } from "./said.js";
import * as words from "./words.js";

const LOOK_MS = 2000;
const MOST = 100;
const PATH = "sessions/{session_id}/recording";

begin(async (me) => {
  const box = $("record-said"); // apart from that of the looks, which would wipe a refusal away
  const files = filesFor(me);
  let last = "";
  const look = async () => {
    const found = await tell($("look-said"), everyRecording);
    const now = JSON.stringify(found?.map((each) => [each.recording?.path, each.recording?.state]));
    if (now !== last) await files?.first(); // a file more, or one that was closed
    last = now;
    if (found === null) return put($("recordings-state"), "");
    put($("recordings-state"), found.length ? "" : words.NOTHING_TO_RECORD);
    replaceIfChanged($("recordings"), found.map((each) => card(each, me, box, look)));
  };
  await look();
  whileSeen(look, LOOK_MS);
});

// Newest session first; one that has ended is shown as long as it was recorded.
async function everyRecording() {
  const { sessions } = await get("sessions?limit=1000");
  return sessions
    .map((s) => ({ id: s.id, over: words.OVER.has(s.status.state), recording: s.status.recording }))
    .filter((s) => !s.over || s.recording)
    .reverse();
}

function card({ id, over, recording }, me, box, look) {
  const node = el("article", "session");
  node.id = `recording-${id}`;
  const head = el("h3");
  head.append(link(id, `./#${part(id)}`), state(words.RECORDING_STATE, recording?.state ?? "none"));
  node.append(head);
  if (recording) node.append(told(recording));
  if (recording?.note) node.append(el("p", "note", recording.note));
  if (!over) node.append(control(id, recording, me, box, look));
  return node;
}

function told(r) {
  const samples = Object.entries(r.samples).map(([key, n]) => `${modalityName(key)} ${words.count(n)}`);
  return facts([
    ["File", r.path],
    ["Size", words.megabytes(r.size_bytes)],
    ["Length", words.duration(r.duration_s)],
    ["Samples", samples.join(", ") || "–"],
    ["Answers", words.count(r.predictions)],
    ["Markers", words.count(r.markers)],
    ["Free on the disk", words.megabytes(r.free_mb * 1e6)],
    ["Waiting for the disk", words.megabytes(r.waiting_mb * 1e6)],
  ]);
}

function control(id, recording, me, box, look) {
  const runs = recording?.state === "recording";
  const path = runs ? `${PATH}/stop` : PATH;
  if (!me.may("POST", path)) return me.whyNot(words.TO_RECORD, "POST", path);
  const [text, name] = runs ? ["End the recording", "end"] : ["Record", "record"];
  return button(text, `${name}-${id}`, async (event) => {
    const work = () => post(path.replace("{session_id}", part(id)));
    const done = await atWork(box, work, { buttons: [event.target] });
    if (done) await look();
  });
}

function filesFor(me) {
  if (!me.may("GET", "recordings")) {
    $("files-state").replaceWith(me.whyNot(words.TO_SEE_FILES, "GET", "recordings"));
    return null;
  }
  return new List({
    name: "files",
    box: $("files-said"),
    ask: async (after) => {
      const page = await get(`recordings?limit=${MOST}${after ? `&after=${part(after)}` : ""}`);
      $("files-away").hidden = page.out_of_reach.length === 0;
      put($("files-away"), page.out_of_reach.length ? words.outOfReach(page.out_of_reach) : "");
      return { items: page.recordings, next: page.next };
    },
    draw: fileLine,
    count: (all, more) => (all.length ? words.recordings(all.length, more) : words.NO_FILE),
  });
}

function fileLine(file) {
  const who = file.participant === null ? words.DOES_NOT_SAY : file.participant || words.NOBODYS;
  const whose = file.participant ? link(who, `./participants#${part(who)}`) : who;
  const path = el("code", "", file.path);
  return row([path, whose, file.session_id ?? "–", words.megabytes(file.size_bytes), words.moment(file.changed_unix)]);
}
