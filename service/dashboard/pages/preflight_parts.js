// The card of a stream and the line of a finding. Texts come from devices: they go in as text.

import { el } from "../view.js";
import { age, count, MAPPING_STATE, modalityName, ms, percent, rate, STREAM_STATE } from "../words.js";
import { facts, state } from "./parts.js";
import * as words from "./preflight_words.js";

export function streamCard(stream, findings) {
  const card = el("article", "session");
  const head = el("h3", "", stream.role === "markers" ? words.MARKERS : modalityName(stream.role));
  head.append(state({ ...STREAM_STATE, ...words.STREAM_STATE }, stream.role === "markers" && stream.state === "found" ? "there" : stream.state));
  card.append(head, el("p", "sub", words.which(stream)), facts(pairs(stream)));
  const list = el("ul", "findings");
  list.append(...words.worstFirst(findings).map((f) => finding(f, "")));
  card.append(findings.length ? list : el("p", "state good", words.STREAM_FINE));
  return card;
}

function pairs(s) {
  const of = s.nominal_rate_hz ? ` of ${rate(s.nominal_rate_hz)}` : "";
  const known = [
    ["Expected", words.expectation(s.expected)],
    ["Rate", s.name && s.role !== "markers" ? rate(s.effective_rate_hz ?? NaN) + of : ""],
    ["Newest sample", Number.isFinite(s.sample_age_s) ? `${age(s.sample_age_s)} ago` : ""],
    ["Gaps", s.gaps ? `${count(s.gaps)} (${count(s.lost_samples)} samples lost)` : ""],
    ["Channels", s.n_channels ? words.channels(s) : ""],
    ["Units", s.units.map((u) => u || "not said").join(", ")],
    ["Clock", Number.isFinite(s.clock_uncertainty_ms) ? `± ${ms(s.clock_uncertainty_ms)} ms` : ""],
    ["Fits the model", Number.isFinite(s.coverage) ? `${percent(s.coverage)}, needed ${percent(s.needed_coverage ?? NaN)}` : ""],
    ["Mapping", s.mapping && !s.source.startsWith("sim:") ? MAPPING_STATE[s.mapping]?.[0] ?? s.mapping : ""],
  ];
  return known.filter(([, text]) => text);
}

// `about`: what it is about, where that is not said around it.
export function finding(f, about = f.about) {
  const item = el("li", `finding level-${f.state}`);
  const [word] = words.FINDING[f.state] ?? [f.state];
  const line = el("p");
  line.append(el("strong", "", `${word}: `), about ? `${about}: ${f.found}` : f.found);
  item.append(line);
  if (f.fix) item.append(el("p", "fix", f.fix));
  return item;
}
