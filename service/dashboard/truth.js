// The true state of a simulated person: markers `state=NAME`, each until the next one. The service
// stamps them in the streams' own time; a prediction, which has both times, says when that was.

const STATE = /^state=(.+)$/;

// Keeps the state that a marker begins and gives its name; null: it is another kind of marker.
export function keepState(state, marker) {
  const value = STATE.exec(marker.text)?.[1];
  if (!value || !Number.isFinite(marker.t_s)) return null;
  state.states.push({ t_s: marker.t_s, value });
  state.states.sort((a, b) => a.t_s - b.t_s);
  return value;
}

// The one that holds at the beginning of the chart is still needed.
export function forgetStates(state) {
  const first_s = state.points[0]?.end_s ?? -Infinity;
  while (state.states.length > 1 && state.states[1].t_s <= first_s) state.states.shift();
}

export function truthAt(state, t_s) {
  return state.states.findLast((s) => s.t_s <= t_s)?.value ?? null;
}

// Wall time of an instant of the streams, by the first prediction that ends after it.
export function wallTime(state, t_s) {
  const point = state.points.find((p) => p.end_s >= t_s) ?? state.last;
  return point && Number.isFinite(point.end_s) ? point.t_s + t_s - point.end_s : null;
}

// Stretches of one state between two wall times.
export function truthRuns(state, left_s, right_s) {
  return state.states
    .map(({ t_s, value }, k) => {
      const next = state.states[k + 1];
      const to_s = next ? wallTime(state, next.t_s) : right_s;
      const from_s = wallTime(state, t_s);
      return { value, begins: from_s > left_s, from_s: Math.max(from_s, left_s), to_s: Math.min(to_s, right_s) };
    })
    .filter((run) => run.to_s > run.from_s);
}

// What holds now, and how the latest answer fits: right after a change the model cannot know yet,
// because most of what it looks at was before.
export function verdict(state) {
  const now = state.states.at(-1);
  if (!now || !state.last) return null;
  const since_s = state.last.end_s - now.t_s;
  if (state.last.abstained || !state.last.label) return { value: now.value, kind: "none" };
  if (state.last.label === now.value) return { value: now.value, kind: "agrees" };
  const changed = state.states.length > 1 && since_s < memory_s(state.bundle);
  return { value: now.value, kind: changed ? "changed" : "differs", since_s: Math.max(0, since_s) };
}

// How far back an answer looks: its windows, the first of which begins a window's length earlier.
function memory_s(bundle) {
  const features = Object.values(bundle?.features ?? {});
  return Math.max(0, ...features.map((f) => f.window_s + f.hop_s * ((bundle.context ?? 1) - 1)));
}
