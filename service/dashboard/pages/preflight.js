// Pre-flight: what a session needs, whether it is there, how good it is, and what to do.

import { $, el, put, replaceIfChanged } from "../view.js";
import { qualityLines } from "../words.js";
import { get, part } from "./api.js";
import { drawEyes, EYES_KEY } from "./eyes.js";
import { drawHead, HEAD_KEY } from "./head.js";
import { begin, whileSeen } from "./page.js";
import { atWork } from "./said.js";
import { finding, streamCard } from "./preflight_parts.js";
import * as words from "./preflight_words.js";

const PAUSE_MS = 1500;

begin(async (me) => {
  const section = $("preflight-section");
  if (!me.may("GET", "preflight")) {
    $("look").remove();
    put($("look-state"), "");
    return section.append(me.whyNot(words.TO_LOOK, "GET", "preflight"));
  }
  replaceIfChanged($("head-key"), HEAD_KEY.map(keyLine));
  replaceIfChanged($("eyes-key"), EYES_KEY.map(keyLine));
  $("look").addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
  whileSeen(async () => {
    if ($("look-on").checked) await look();
  }, PAUSE_MS);
  await look();
});

let looking = false;

async function look() {
  if (looking) return;
  looking = true;
  put($("look-state"), words.LOOKING);
  const who = $("look-participant").value.trim();
  const answer = await atWork(
    $("preflight-section").querySelector(".said"),
    () => get(`preflight${who ? `?participant=${part(who)}` : ""}`),
    { buttons: [$("look-now")] },
  );
  looking = false;
  put($("look-state"), answer ? words.looked(answer) : "");
  if (answer) show(answer);
}

function show(answer) {
  const verdict = $("verdict");
  const [text, tone] = words.verdict(answer);
  verdict.className = `verdict ${tone}`;
  verdict.hidden = false;
  put(verdict, text);
  const { streams, findings } = answer;
  put($("streams-none"), streams.length ? "" : words.NO_STREAM);
  $("streams-none").hidden = streams.length > 0;
  const about = (s) => findings.filter((f) => f.about === s.about && f.state !== "ok");
  replaceIfChanged($("preflight-streams"), streams.map((s) => streamCard(s, about(s))));
  showHead(streams.find((s) => s.electrodes.length));
  showEyes(streams.find((s) => s.gaze));
  const named = new Set(streams.map((s) => s.about));
  const rest = findings.filter((f) => !named.has(f.about) && f.state !== "ok");
  replaceIfChanged($("findings"), rest.length ? words.worstFirst(rest).map((f) => finding(f)) : [el("li", "", words.NOTHING_ELSE)]);
  const fine = findings.filter((f) => f.state === "ok");
  put($("fine-title"), words.fine(fine.length));
  replaceIfChanged($("fine"), fine.map((f) => finding(f)));
  $("looked").hidden = false;
}

function showHead(stream) {
  $("head-section").hidden = !stream;
  if (!stream) return;
  replaceIfChanged($("head"), [drawHead(stream.electrodes)]);
  replaceIfChanged($("head-words"), inWords(qualityLines("eeg", stream)));
}

function showEyes(stream) {
  $("eyes-section").hidden = !stream;
  if (!stream) return;
  replaceIfChanged($("eyes"), [drawEyes(stream.gaze)]);
  replaceIfChanged($("eyes-words"), inWords([...qualityLines("eye", stream), ...words.loss(stream.gaze)]));
}

const inWords = (lines) => lines.map(([text, tone]) => el("p", `state ${tone}`, text));

function keyLine([glyph, text]) {
  const item = el("li");
  item.append(glyph(), el("span", "", text));
  return item;
}
