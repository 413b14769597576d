"""Holds a load for as long as asked, with everything going wrong, and looks at what piles up.

    PYTHONPATH=tests python -m support.soaking --minutes 120

Ten people's sessions and a hundred clients; random steps (`support.scenario`, learning among them)
happen one after the other, and every invariant is looked at after each. Between them, again and
again, it is measured how long a window takes from its last sample to a client.
"""

import argparse
import asyncio
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import psutil
from support.happenings import Client
from support.keeping import new_data_folder
from support.playing import Play
from support.scenario import Step, steps_of
from websockets.asyncio.client import connect

from hadua.service.arenas import keep_few_arenas
from hadua.service.garbage import GARBAGE
from hadua.service.threads import switch_often

PROBES = 20
WARM_UP = 0.25
"""Share of the time after which growth is looked at."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds at one moment."""

    at_s: float
    rss_mb: float
    """Resident and its own: pages of programs and libraries come and go as the system likes."""
    threads: int
    tasks: int
    files: int


@dataclass
class Soak:
    """What was measured.

    Args:
        held: At intervals.
        answers_ms: From a window's last sample to its frame at a client, in the order of time.
    """

    play: Play
    held: list[Held] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    left: Held | None = None
    before: Held | None = None

    def growth_mb_an_hour(self) -> float:
        """Slope of the resident memory after the warm-up."""
        warm = [h for h in self.held if h.at_s >= WARM_UP * self.seconds]
        if len(warm) < 2:
            return 0.0
        slope, _ = np.polyfit([h.at_s for h in warm], [h.rss_mb for h in warm], 1)
        return float(slope) * 3600.0

    def growth_percent_an_hour(self) -> float:
        """The same, of what it held when it was warm."""
        warm = [h.rss_mb for h in self.held if h.at_s >= WARM_UP * self.seconds]
        return 100.0 * self.growth_mb_an_hour() / warm[0] if warm else 0.0

    def report(self) -> dict[str, object]:
        """Figures for the table."""
        n = max(len(self.answers_ms) // 4, 2)
        first, last = self.answers_ms[:n], self.answers_ms[-n:]
        checks = self.play.checks
        return {
            "minutes": round(self.seconds / 60.0, 1),
            "sessions": len(self.play.world.people),
            "clients at most": self.play.happenings.most_clients,
            "steps": len(self.play.steps),
            "windows": checks.windows,
            "withheld": checks.withheld,
            "skipped, counted": checks.skipped,
            "frames that clients got": checks.frames,
            "of which they were told that they missed": checks.missed,
            "refused requests": self.play.happenings.refused,
            "worst lag of the loop, ms": round(checks.worst_lag_s * 1e3),
            "answer_ms, first quarter": _spread(first),
            "answer_ms, last quarter": _spread(last),
            "rss_mb": [round(h.rss_mb) for h in self.held[:: max(len(self.held) // 8, 1)]],
            "growth after warm-up, MB an hour": round(self.growth_mb_an_hour(), 1),
            "growth after warm-up, % an hour": round(self.growth_percent_an_hour(), 2),
            "before": str(self.before),
            "left": str(self.left),
        }


def _spread(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    return {"p50": round(median(values), 1), "p99": round(quantiles(values, n=100)[98], 1)}


async def soak(
    folder: Path, *, minutes: float, seed: int, people: int, clients: int,
    learning: bool, least_steps: int = 0, windows_a_second: float = inf,
    say: Callable[[str], None] = lambda line: None,
) -> Soak:  # fmt: skip
    """Hold the load, as fast as it goes or slower; raises where an invariant is broken."""
    play = Play(folder, people=people)
    play.happenings.most_clients = clients
    measured = Soak(play)
    await play.begin()
    measured.before = _held(0.0)
    began_s, sound = time.monotonic(), False
    try:
        chance, n = random.Random(seed), 0
        steps = iter(steps_of(seed, 1_000_000 if minutes > 20 else 100_000, learning=learning))
        while (at_s := time.monotonic() - began_s) < 60.0 * minutes or n < least_steps:
            step = next(steps)
            if step.name != "restart":  # it would begin the memory anew
                await play.do(Step(step.name, chance.randrange(people), step.size, step.what))
            n += 1
            ahead_s = play.checks.windows / windows_a_second - (time.monotonic() - began_s)
            await asyncio.sleep(max(ahead_s, 0.0))
            if n % 25 == 0:
                await _fill(play, clients)
                await _probe(play, measured.answers_ms)
                measured.held.append(_held(at_s))
                say(f"{at_s:.0f} s, {len(play.steps)} steps, {measured.held[-1]}")
        sound = True
    finally:
        measured.seconds = time.monotonic() - began_s
        if sound:
            await play.checks.at_the_end()
            measured.left = _held(measured.seconds)
        else:
            say(f"ended before its time; until then {json.dumps(measured.report(), indent=2)}")
        await play.end(sound=False)
    return measured


async def _fill(play: Play, clients: int) -> None:
    """As many clients as there should be, spread over the sessions."""
    happenings, world = play.happenings, play.world
    open_ones = [client for client in happenings.clients if not client.closed]
    happenings.clients[:] = open_ones
    running = [person for person in world.people if world.runs(person)]
    for k in range(clients - len(open_ones)):
        if not running:
            return
        person = running[k % len(running)]
        at = f"{world.url.replace('http', 'ws')}{person.path}/ws"
        happenings.clients.append(Client(await connect(at), person))


async def _probe(play: Play, answers_ms: list[float]) -> None:
    """How long one window of a session that is well takes to a client of its own."""
    world = play.world
    person = world.people[0]
    await play.do(Step("feed", 0, 1.0))
    session = world.session(person)
    if session is None or session.over.is_set():
        return
    async with connect(f"{world.url.replace('http', 'ws')}{person.path}/ws") as ws:
        await ws.recv()
        for _ in range(PROBES):
            world.now_s += 0.5
            asked_s = time.perf_counter()
            for modality, source in person.sources.items():
                source.offer(list(person.wires[modality].signal(0.5)))
            try:
                async with asyncio.timeout(2.0):
                    while json.loads(await ws.recv())["type"] != "prediction":
                        pass
            except TimeoutError:
                continue  # its streams are not well: a clock was set back
            answers_ms.append((time.perf_counter() - asked_s) * 1e3)
            await world.settle(person)


def _held(at_s: float) -> Held:
    process = psutil.Process()
    memory = process.memory_info()
    return Held(
        round(at_s),
        round((memory.rss - getattr(memory, "shared", 0)) / 1e6, 1),
        threading.active_count(),
        len(asyncio.all_tasks()),
        process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
    )


def main() -> None:
    """Soak as long as asked, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--windows-a-second", type=float, default=inf, help="no more than that")
    asked = parser.parse_args()
    switch_often()
    keep_few_arenas()  # as `hadua-serve` does, and keeps the collector off
    with GARBAGE.kept_off(), tempfile.TemporaryDirectory(prefix="hadua-soak-") as folder:
        done = asyncio.run(
            soak(
                new_data_folder(Path(folder) / "data"),
                minutes=asked.minutes,
                seed=asked.seed,
                people=asked.people,
                clients=asked.clients,
                learning=True,
                windows_a_second=asked.windows_a_second,
                say=lambda line: print(line, flush=True),  # noqa: T201 - a command
            )
        )
    print(json.dumps(done.report(), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
