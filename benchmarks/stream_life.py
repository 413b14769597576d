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
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import numpy as np
from five_senders import FAULTS, Sender, Serving, five_senders, service
from loop_lag_figures import bare_loop, between, end_bare, quantile_ms
from stream_outcomes import PLACES, Outcome, is_well, outcome_of, used_since
from stream_watching import Watched, listen, poll
from table import Row, machine, markdown

RESULTS = Path(__file__).resolve().parent / "results"
WINDOW_S, HOP_S = 1.0, 0.5
PATIENCE_S = 30.0


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
                watching = [tasks.create_task(poll(client, watched))]
                for sender in senders:
                    watching.append(tasks.create_task(listen(serving.url, sender.fault, watched)))
                await _until(lambda: all(used_since(watched, f, 0.0) >= 4 for f in FAULTS))
                began = len(watched.lag)
                bare = bare_loop()
                outcomes: list[Outcome] = []
                for _ in range(rounds):
                    outcomes += await _round(senders, serving, watched, frozen_s=frozen_s)
                bare_ms = await asyncio.to_thread(end_bare, bare)
                lag = between(watched.lag[began - 1][1], watched.lag[-1][1])
                for task in watching:
                    task.cancel()
    quantiles = quantile_ms(lag, 0.5), quantile_ms(lag, 0.99)
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
    await _until(lambda: all(is_well(watched, s, healed_s[s.fault]) for s in senders))
    await asyncio.sleep(2.5)  # a log line that came twice would be there by now
    log = serving.logged()[logged_before:]
    return [
        outcome_of(sender, watched, log, during[sender.fault], harmed_s, healed_s[sender.fault])
        for sender in senders
    ]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what is waited for is said by another process
            await asyncio.sleep(0.05)


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
