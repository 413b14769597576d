"""How soon it is known everywhere that a stream has gone, and how soon all is well again.

    python benchmarks/stream_life.py [--rounds 5] [--frozen 20]

Five senders (processes of their own, over LSL) feed five sessions of one service. In each round all
five faults happen at once: one sender is killed and started again; one is stopped (SIGSTOP) and
continued; one comes back with its channels in another order, one with twice its rate, both under
the same source_id; one gets a twin of the same source_id. Writes `results/stream_life.{json,md}`.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
from five_senders import FAULTS, Fault, Sender, Serving, five_senders, service
from table import Row, machine, markdown
from websockets.asyncio.client import connect

from hadua.adapters.sources.clock import lsl_now_s

RESULTS = Path(__file__).resolve().parent / "results"
WINDOW_S, HOP_S = 1.0, 0.5
POLL_S = 0.1
PATIENCE_S = 30.0
NEAR_S = 0.06  # a sender's chunk and what re-stamping may be wrong by
BARE_LOOP = """
import asyncio, sys, threading
import numpy as np

async def measure(late_ms, over):
    loop = asyncio.get_running_loop()
    while not over.is_set():
        due_s = loop.time() + 0.02
        await asyncio.sleep(0.02)
        late_ms.append(1e3 * (loop.time() - due_s))

over, late_ms = threading.Event(), []
threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
asyncio.run(measure(late_ms, over))
print(*np.quantile(late_ms, (0.5, 0.99)))
"""
ROUGHLY_S = 0.3
"""How well the arrival is known: an age that REST told, on a machine that was busy then."""
GONE, FLOWS = frozenset({"stale", "lost"}), frozenset({"back", "changed"})
PLACES = ("REST", "WebSocket", "metrics", "log")

_LAG = re.compile(r'hadua_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')
_STATE = re.compile(r'hadua_streams\{modality="eeg",state="(\w+)"\} (\S+)')


@dataclass(frozen=True, slots=True)
class Seen:
    """What one place said of one stream at an LSL time."""

    at_s: float
    state: str
    twins: int
    outages: int
    age_s: float | None
    last_outage_s: float


@dataclass(slots=True)
class Watched:
    """All that was said, by session or for all sessions together."""

    rest: dict[str, list[Seen]] = field(default_factory=lambda: {f: [] for f in FAULTS})
    frames: dict[str, list[Seen]] = field(default_factory=lambda: {f: [] for f in FAULTS})
    answers: dict[str, list[tuple[float, dict[str, object]]]] = field(
        default_factory=lambda: {f: [] for f in FAULTS}
    )
    gone: list[tuple[float, int]] = field(default_factory=list)
    lag: list[tuple[float, dict[str, float]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sender in one round; seconds.

    Args:
        fault: What happened to it.
        noticed_s: From then until each place said so.
        found_again_s: From its first new sample to the arrival of samples in the session.
        well_s: From the arrival until each place said so; None where nothing was away.
        resumed_s: From the arrival to the first new answer that used them.
        state: What it was when it was well again.
        straddling: Answers that used a window across the gap, or a part of it.
        logged: Lines in the log: gone and back, or twin and no twin.
    """

    fault: Fault
    noticed_s: Mapping[str, float]
    found_again_s: float | None
    well_s: Mapping[str, float]
    resumed_s: float | None
    state: str
    straddling: int
    logged: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Life:
    """All rounds; lags are p50 and p99 from the first fault on.

    `bare_ms` is that of an event loop in a process of its own that does nothing else: what the
    machine, with all that runs on it, adds by itself.
    """

    outcomes: tuple[Outcome, ...]
    lag_ms: tuple[float, float]
    bare_ms: tuple[float, float]
    lag_within_50_ms: float
    load: tuple[float, float]


async def live(folder: Path, *, rounds: int, frozen_s: float) -> Life:
    """Run all rounds."""
    unique = uuid.uuid4().hex[:8]
    before = os.getloadavg()[0]
    with five_senders(unique) as senders, service(folder) as serving:
        watched = Watched()
        async with httpx.AsyncClient(base_url=serving.url, timeout=10.0) as client:
            for sender in senders:
                body = {"id": sender.fault, "eeg": f"lsl:source_id={sender.source_id}"}
                (await client.post("/api/v1/sessions", json=body)).raise_for_status()
            async with asyncio.TaskGroup() as tasks:
                watching = [tasks.create_task(_poll(client, watched))]
                for sender in senders:
                    watching.append(tasks.create_task(_listen(serving.url, sender.fault, watched)))
                await _until(lambda: all(_used_since(watched, f, 0.0) >= 4 for f in FAULTS))
                began = len(watched.lag)
                bare = _bare_loop()
                outcomes: list[Outcome] = []
                for _ in range(rounds):
                    outcomes += await _round(senders, serving, watched, frozen_s=frozen_s)
                bare_ms = await asyncio.to_thread(_end_bare, bare)
                lag = _between(watched.lag[began - 1][1], watched.lag[-1][1])
                for task in watching:
                    task.cancel()
    quantiles = _quantile_ms(lag, 0.5), _quantile_ms(lag, 0.99)
    share = lag["0.05"] / lag["+Inf"]
    return Life(tuple(outcomes), quantiles, bare_ms, share, (before, os.getloadavg()[0]))


async def _round(
    senders: Sequence[Sender], serving: Serving, watched: Watched, *, frozen_s: float
) -> list[Outcome]:
    logged_before = len(serving.logged())
    harmed_s = {s.fault: await asyncio.to_thread(s.harm) for s in senders}
    await asyncio.sleep(frozen_s)
    during = {f: watched.rest[f][-1] for f in FAULTS}
    healed = await asyncio.gather(*(asyncio.to_thread(s.heal) for s in senders))
    healed_s = dict(zip(FAULTS, healed, strict=True))
    await _until(lambda: all(_well(watched, s, healed_s[s.fault]) for s in senders))
    await asyncio.sleep(2.5)  # a log line that came twice would be there by now
    log = serving.logged()[logged_before:]
    return [
        _outcome(sender, watched, log, during[sender.fault], harmed_s, healed_s[sender.fault])
        for sender in senders
    ]


def _outcome(
    sender: Sender,
    watched: Watched,
    log: Sequence[Mapping[str, object]],
    during: Seen,
    harmed_s: Mapping[Fault, float],
    healed_s: float,
) -> Outcome:
    fault = sender.fault
    mine = [line for line in log if line.get("session") == fault]
    doubled, harm_s = fault == "doubled", harmed_s[fault]
    gone, back = _in_log(mine, doubled=doubled)
    if doubled:
        noticed = {
            "REST": _first(watched.rest[fault], harm_s, lambda s: s.twins == 1),
            "WebSocket": _first(watched.frames[fault], harm_s, lambda s: s.twins == 1),
        }
        well = {
            "REST": _first(watched.rest[fault], healed_s, lambda s: s.twins == 0),
            "WebSocket": _first(watched.frames[fault], healed_s, lambda s: s.twins == 0),
        }
        arrived_s: float | None = None
        from_s = healed_s
    else:
        last = watched.rest[fault][-1]
        arrived_s = from_s = during.at_s - (during.age_s or 0.0) + last.last_outage_s
        noticed = {
            "REST": _first(watched.rest[fault], harm_s, lambda s: s.state in GONE),
            "WebSocket": _first(watched.frames[fault], harm_s, lambda s: s.state in GONE),
            "metrics": _all_gone_s(watched, harmed_s),
        }
        well = {
            "REST": _first(watched.rest[fault], arrived_s, lambda s: s.state in FLOWS),
            "WebSocket": _first(watched.frames[fault], arrived_s, lambda s: s.state in FLOWS),
        }
    noticed["log"] = (gone[0] if gone else np.inf) - harm_s
    well["log"] = (back[0] if back else np.inf) - from_s
    return Outcome(
        fault,
        noticed,
        None if arrived_s is None else arrived_s - healed_s,
        well,
        None if arrived_s is None else _resumed_s(watched, sender) - arrived_s,
        _state_then(watched.rest[fault], from_s),
        0 if doubled else _straddling(watched, sender),
        (len(gone), len(back)),
    )


def _in_log(
    lines: Sequence[Mapping[str, object]], *, doubled: bool
) -> tuple[list[float], list[float]]:
    """LSL times of the lines that say that it went wrong, and that it is well again."""
    wrong: list[float] = []
    well: list[float] = []
    ahead_s = lsl_now_s() - time.time()
    for line in lines:
        at_s = datetime.fromisoformat(str(line["timestamp"])).timestamp() + ahead_s
        event = line["event"]
        if doubled and event == "other senders of the same source_id":
            (wrong if line["n"] else well).append(at_s)
        elif not doubled and event in ("stream gone", "stream back"):
            (wrong if event == "stream gone" else well).append(at_s)
    return wrong, well


def _first(seen: Sequence[Seen], from_s: float, right: Callable[[Seen], bool]) -> float:
    """How long after `from_s` it was said first."""
    since_s = from_s - ROUGHLY_S
    return next((s.at_s - from_s for s in seen if s.at_s >= since_s and right(s)), np.inf)


def _state_then(seen: Sequence[Seen], from_s: float) -> str:
    return next(s.state for s in seen if s.at_s >= from_s and s.state not in GONE)


def _all_gone_s(watched: Watched, harmed_s: Mapping[Fault, float]) -> float:
    """From the last of the four faults until the figures showed four streams gone."""
    last_s = max(s for f, s in harmed_s.items() if f != "doubled")
    return next((at_s - last_s for at_s, n in watched.gone if at_s >= last_s and n == 4), np.inf)


def _resumed_s(watched: Watched, sender: Sender) -> float:
    """When the first answer came that used samples from after the gap."""
    return next(
        at_s
        for at_s, answer in watched.answers[sender.fault]
        if _uses(answer) and _number(answer, "end_s") > sender.gap_s[1] + NEAR_S
    )


def _straddling(watched: Watched, sender: Sender) -> int:
    gone_s, again_s = sender.gap_s
    return sum(
        _uses(answer)
        and _number(answer, "start_s") < again_s - NEAR_S
        and _number(answer, "end_s") > gone_s + NEAR_S
        for _, answer in watched.answers[sender.fault]
    )


def _well(watched: Watched, sender: Sender, healed_s: float) -> bool:
    last = watched.rest[sender.fault][-1]
    if sender.fault == "doubled":
        return last.at_s > healed_s and last.twins == 0
    again = _used_since(watched, sender.fault, sender.gap_s[1] - NEAR_S) >= 3
    return again and last.state in ("back", "changed", "live")


def _used_since(watched: Watched, fault: str, from_s: float) -> int:
    answers = watched.answers[fault]
    return sum(_uses(a) and _number(a, "start_s") >= from_s for _, a in answers)


def _uses(answer: Mapping[str, object]) -> bool:
    modalities = answer["modalities"]
    return isinstance(modalities, dict) and modalities["eeg"] == "used"


def _number(frame: Mapping[str, object], name: str) -> float:
    return float(str(frame[name]))


async def _listen(url: str, session_id: str, watched: Watched) -> None:
    address = f"{url.replace('http', 'ws')}/api/v1/sessions/{session_id}/ws?after_seq=0"
    async with connect(address) as ws:
        while True:
            frame = json.loads(await ws.recv())
            if frame["type"] == "prediction":
                watched.answers[session_id].append((lsl_now_s(), frame))
            elif frame["type"] == "status" and "eeg" in frame["streams"]:
                watched.frames[session_id].append(_seen(frame["streams"]["eeg"]))


async def _poll(client: httpx.AsyncClient, watched: Watched) -> None:
    while True:
        for fault in FAULTS:
            info = (await client.get(f"/api/v1/sessions/{fault}")).json()
            watched.rest[fault].append(_seen(info["status"]["streams"]["eeg"]))
        text = (await client.get("/metrics")).text
        states = {state: float(n) for state, n in _STATE.findall(text)}
        watched.gone.append((lsl_now_s(), int(sum(states.get(s, 0.0) for s in GONE))))
        watched.lag.append((lsl_now_s(), {le: float(n) for le, n in _LAG.findall(text)}))
        await asyncio.sleep(POLL_S)


def _seen(stream: Mapping[str, object]) -> Seen:
    age_s = stream["sample_age_s"]
    return Seen(
        lsl_now_s(),
        str(stream["state"]),
        int(_number(stream, "twins")),
        int(_number(stream, "outages")),
        None if age_s is None else float(str(age_s)),
        _number(stream, "last_outage_s"),
    )


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what is waited for is said by another process
            await asyncio.sleep(0.05)


def _bare_loop() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BARE_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _end_bare(child: subprocess.Popen[str]) -> tuple[float, float]:
    said, _ = child.communicate("\n", timeout=10.0)
    p50, p99 = map(float, said.split())
    return p50, p99


def _between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {le: n - before[le] for le, n in after.items()}


def _quantile_ms(lag: Mapping[str, float], share: float) -> float:
    """Within its bucket the lag is taken to be spread evenly."""
    wanted, below_s, below_n = share * lag["+Inf"], 0.0, 0.0
    for le, n in lag.items():
        upper_s = float(le)
        if n >= wanted:
            part = (wanted - below_n) / max(n - below_n, 1.0)
            return 1e3 * (below_s + part * (upper_s - below_s)) if upper_s < np.inf else np.inf
        below_s, below_n = upper_s, n
    return np.inf


def rows(life: Life, *, frozen_s: float) -> list[Row]:
    """The figures as rows."""
    away = [o for o in life.outcomes if o.fault != "doubled"]
    setting = (
        f"{len(life.outcomes) // len(FAULTS)} rounds of five faults at once, away {frozen_s:g} s; "
        f"load average {life.load[0]:.1f} before, {life.load[1]:.1f} after"
    )
    doubled = [o for o in life.outcomes if o.fault == "doubled"]
    made = [
        _row(f"gone, until {place} says so", [o.noticed_s[place] for o in away], setting)
        for place in PLACES
    ]
    for place in ("REST", "WebSocket", "log"):
        name = f"a twin of the same source_id, until {place} says so"
        made.append(_row(name, [o.noticed_s[place] for o in doubled], setting))
    alone = [o.well_s["REST"] for o in doubled]
    made.append(_row("that twin has gone, until REST says so", alone, setting))
    for place in ("REST", "WebSocket", "log"):
        name = f"samples are back, until {place} says so"
        made.append(_row(name, [o.well_s[place] for o in away], setting))
    for name, faults in (
        ("continued: its first sample, until samples arrive", ("frozen",)),
        ("started again: its first sample, until samples arrive", set(FAULTS) - {"frozen"}),
    ):
        found = [o.found_again_s for o in away if o.fault in faults and o.found_again_s is not None]
        made.append(_row(name, found, setting))
    resumed = [o.resumed_s for o in away if o.resumed_s is not None]
    made.append(_row("samples are back, until an answer uses them", resumed, setting))
    made.append(
        Row(
            "lag of the event loop",
            *life.lag_ms,
            "ms",
            f"an idle loop, in the same minutes: p99 {life.bare_ms[1]:.1f} ms",
            life.lag_ms[1] / life.bare_ms[1],
            setting,
        )
    )
    return made


def _row(name: str, values_s: Sequence[float], setting: str) -> Row:
    p50, p99 = np.quantile(np.array(values_s), (0.5, 0.99)).tolist()
    return Row(name, p50, p99, "s", setting=f"{len(values_s)}; {setting}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frozen", type=float, default=20.0, help="seconds")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as folder:
        life = asyncio.run(live(Path(folder), rounds=given.rounds, frozen_s=given.frozen))
    made, about = rows(life, frozen_s=given.frozen), machine()
    text = markdown(made, about) + _checks(life)
    content = {"machine": about, "rows": [asdict(r) for r in made]}
    content |= {"outcomes": [asdict(o) for o in life.outcomes]}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "stream_life.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    (RESULTS / "stream_life.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _checks(life: Life) -> str:
    straddling = sum(o.straddling for o in life.outcomes)
    once = sum(o.logged == (1, 1) for o in life.outcomes)
    return (
        f"\nAnswers that used a window across a gap: {straddling}. "
        f"Faults logged once when they began and once when they were over: {once} of "
        f"{len(life.outcomes)}.\n"
    )


if __name__ == "__main__":
    main()
