// What became of each device's channels, for the operator to look at and confirm. Drawn beside the
// streams and only where it changed: a button that is drawn anew cannot be clicked.

import { el, replaceIfChanged } from "./view.js";
import * as words from "./words.js";

export function renderDevices(parent, state, confirm) {
  const cards = Object.entries(state.mapping).map(([key, report]) => card(key, report, state, parent));
  replaceIfChanged(parent, cards);
  for (const button of parent.querySelectorAll("button")) {
    button.onclick = () => confirm(button.dataset.modality, button.dataset.key);
  }
}

function card(key, report, state, parent) {
  const status = state.mappings[key];
  const simulated = state.streams[key]?.source?.startsWith("sim:") ?? false;
  const node = el("article", "device");
  node.id = `device-${key}`;
  const device = simulated ? words.SIMULATED : report.device;
  const head = el("h3", "", device ? `${words.modalityName(key)}: ${device}` : words.modalityName(key));
  if (status && !simulated) {
    const [text, tone] = words.stateWords(words.MAPPING_STATE, status.state);
    head.append(el("span", `state ${tone}`, text));
  }
  node.append(head, el("p", "sub", summary(report)));
  node.append(details(report, parent.querySelector(`#device-${key} details`)?.open ?? false));
  if (status && !simulated && status.state !== "confirmed") node.append(button(key, status));
  return node;
}

function button(key, status) {
  const node = el("button", "", words.CONFIRM_MAPPING);
  Object.assign(node, { type: "button", title: words.CONFIRM_MAPPING_WHY });
  Object.assign(node.dataset, { modality: key, key: status.key });
  return node;
}

function summary(report) {
  const fits = Number.isFinite(report.coverage) ? `${words.percent(report.coverage)} of what the model needs. ` : "";
  return fits + (report.summary ?? "");
}

function details(report, open) {
  const node = el("details");
  node.open = open;
  node.append(el("summary", "", "Channel by channel"));
  const list = el("dl", "channels");
  for (const [name, text] of rows(report)) {
    if (text) list.append(el("dt", "", name), el("dd", "", text));
  }
  node.append(list);
  return node;
}

// EEG reports have `found`, gaze reports have `used`.
function rows(report) {
  const names = (items, text) => (items ?? []).map(text).join(", ");
  return [
    ["Measured", names(report.found, (c) => (c.label.toUpperCase() === c.name ? c.name : `${c.name} from ${c.label}`))],
    ["Used", names(report.used, (u) => `${u.what} from ${u.label} (${u.unit})`)],
    ["Interpolated", names(report.interpolated, (c) => `${c.name} (${words.percent(c.share)})`)],
    ["Missing", names(report.missing, String)],
    ["Left out", leftOut(report.unused ?? [])],
    ["Assumed", names(report.assumed, String)],
    ["Refused", names(report.refused, String)],
    ["Electrodes named after", report.layout],
    ["Reference", report.reference],
    ["Good to know", (report.notes ?? []).join(" ")],
  ];
}

// Labels by reason; a gaze report gives labels alone.
function leftOut(unused) {
  const byReason = new Map();
  for (const u of unused) {
    const reason = u.reason ?? "";
    byReason.set(reason, [...(byReason.get(reason) ?? []), u.label ?? u]);
  }
  return [...byReason].map(([reason, labels]) => labels.join(", ") + (reason && ` (${reason})`)).join("; ");
}
