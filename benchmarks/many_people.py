"""How many people one process serves, what each costs, and how late their answers are.

    python benchmarks/many_people.py [--seconds 30] [--quick] [--more]

Each row is a process of its own: the real service (sessions, readers, bridge, pipeline, hub,
storage), whose sources give recorded chunks in real time as liblsl does: 62 channels at 1000 Hz in
chunks of 20 ms, gaze at 120 Hz sample by sample. All begin at once. People per core is the
processor time that the process took, in one second and for one person, turned around; where windows
did not come, what they would have taken is added. Latency is from the arrival
of a window's last sample to the clients' senders. What a window costs is compared with the same
people's features and network in one thread that does nothing else (`bare_people.py`). `--more`
adds rows of people in step, with adaptation, and over real Lab Streaming Layer, whose senders are
processes of their own.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from table import Row, machine, markdown

from hadua.service.bench.effort import Effort

HERE = Path(__file__).parent
SERVED, BARE = HERE / "served_people.py", HERE / "bare_people.py"
LONGEST_S = 20.0  # of a row, in the suite
LEAST_FOR_P999 = 1000  # windows
A_CROWD = 8  # from so many people on what was promised of many holds
FLAT = 1.2  # times the cost of one person
MEMORY_MB = 4.0
STAGGERED_MS = {"p50": 2.5, "p99": 8.0, "p99.9": 25.0}  # promised of 64 at one a second


@dataclass(frozen=True, slots=True)
class Rate:
    """Decisions a second, and who is served at that rate.

    Args:
        a_second: So many.
        crowds: How many people, each a row.
        per_core: How many people a core was promised to serve.
    """

    a_second: float
    crowds: tuple[int, ...]
    per_core: int


RATES = (Rate(1.0, (1, 8, 64, 100), 100), Rate(10.0, (1, 16, 50), 50))
QUICK = (Rate(1.0, (1, 8), 100), Rate(10.0, (4,), 50))


@dataclass(frozen=True, slots=True)
class Served:
    """What one process said of its people."""

    people: int
    hop_s: float
    windows: int
    expected: int
    per_person_ms: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    dropped: int
    memory_mb: float
    grown_mb_h: float
    learners_mb: float

    @property
    def whole_ms(self) -> float:
        """Of a processor, a second and person, for all windows: those that did not come count."""
        return self.per_person_ms * max(1.0, self.expected / self.windows)


def serve(
    people: int,
    *,
    hop_s: float,
    seconds: float,
    in_step: bool = False,
    adapt: bool = False,
    lsl: bool = False,
) -> Served:
    """Serve so many people for a while in a process of its own."""
    asked = {
        "people": people,
        "hop_s": hop_s,
        "seconds": seconds,
        "in_step": in_step,
        "adapt": adapt,
        "lsl": lsl,
    }
    line = _told_by(SERVED, asked, timeout_s=seconds + 300.0)
    return msgspec.json.decode(line, type=Served)


def _told_by(program: Path, asked: Mapping[str, object], *, timeout_s: float) -> str:
    """The last line of one of the programs."""
    try:
        done = subprocess.run(
            [sys.executable, str(program), json.dumps(asked)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{program.name} {json.dumps(asked)} took {timeout_s:g} s") from None
    if done.returncode:
        raise SystemExit(f"{program.name} {json.dumps(asked)} ended with {done.returncode}")
    line = done.stdout.strip().splitlines()[-1]
    sys.stderr.write(f"{program.name} {json.dumps(asked)}: {line}\n")  # outlives a later fault
    return line


def suite_rows(effort: Effort) -> list[Row]:
    """As a group of `hadua bench`."""
    rates = RATES if effort.crowds else QUICK
    return list(rows(rates, seconds=min(effort.seconds, LONGEST_S)))


def rows(rates: tuple[Rate, ...], *, seconds: float) -> Iterator[Row]:
    """Of each rate the bare work, and of each crowd cost, latency and memory."""
    for rate in rates:
        hop_s, a_second = 1.0 / rate.a_second, f"{rate.a_second:g} a second"
        line = _told_by(BARE, {"people": A_CROWD, "hop_s": hop_s}, timeout_s=300.0)
        bare = msgspec.json.decode(line, type=dict[str, float])
        for pace, how in (("hot", "hot"), ("paced", "paced, 20 ms apart")):
            yield Row(f"a window's features and network, {a_second}", bare[f"{pace}_p50_ms"],
                      bare[f"{pace}_p99_ms"], "ms of a processor",
                      setting=f"{how}; one thread, which does nothing else")  # fmt: skip
        alone: Served | None = None
        for people in rate.crowds:
            try:
                served = serve(people, hop_s=hop_s, seconds=seconds)
            except SystemExit as error:
                # Too many for this machine: what the others cost is told all the same.
                yield Row.missing(f"{people} people, {a_second}", f"it failed: {error}")
                continue
            yield from _cost(served, rate, bare_ms=bare["paced_p50_ms"])
            yield from _latency(served)
            if alone is not None and people >= A_CROWD:
                yield Row(f"{people} people, {a_second}: processor of each",
                          served.whole_ms, None, "ms a second", "one person",
                          served.whole_ms / alone.whole_ms, target=FLAT)  # fmt: skip
            alone = alone or served


def more_rows(*, seconds: float) -> Iterator[Row]:
    """People in step, with adaptation, over Lab Streaming Layer."""
    for people in (8, 64):
        yield from _latency(serve(people, hop_s=1.0, seconds=seconds, in_step=True), "in step")
    for people in (1, 8):
        served = serve(people, hop_s=0.5, seconds=seconds, adapt=True)
        yield from _latency(served, "staggered, adaptation on")
        mb = served.learners_mb / people
        yield Row(f"{people} with adaptation: processes that adapt", mb, None, "MB a person")
    for people in (1, 8):
        served = serve(people, hop_s=1.0, seconds=seconds, lsl=True)
        yield Row(f"{_people(served)} over LSL: processor", served.per_person_ms, None,
                  "ms a second and person", setting=_setting(served))  # fmt: skip
        yield from _latency(served, "staggered, over LSL")


def _people(served: Served) -> str:
    return "one person" if served.people == 1 else f"{served.people} people"


def _setting(served: Served) -> str:
    return (
        f"{served.windows} windows of {served.expected}; {served.dropped} chunks dropped; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _cost(served: Served, rate: Rate, *, bare_ms: float) -> Iterator[Row]:
    what = f"{_people(served)}, {rate.a_second:g} a second"
    crowd = served.people >= A_CROWD
    per_core = 1e3 / served.whole_ms
    yield Row(f"{what}: processor", served.whole_ms, None, "ms a second and person",
              setting=f"{per_core:.0f} people per core; {_setting(served)}",
              target=1e3 / rate.per_core if crowd else None)  # fmt: skip
    window_ms = served.whole_ms / rate.a_second
    yield Row(f"{what}: processor of a window", window_ms, None, "ms",
              "features and network alone, paced", window_ms / bare_ms)  # fmt: skip
    yield Row(f"{what}: memory", served.memory_mb, None, "MB a person",
              setting=f"its own, of no file; grew by {served.grown_mb_h:.1f} MB an hour and person",
              target=MEMORY_MB if crowd else None)  # fmt: skip


def _latency(served: Served, how: str = "staggered") -> Iterator[Row]:
    name = f"{_people(served)}, {1.0 / served.hop_s:g} a second, {how}: latency"
    promised = served.people == 64 and served.hop_s == 1.0 and how == "staggered"
    yield Row(
        name,
        served.p50_ms,
        served.p99_ms,
        "ms",
        setting=_setting(served),
        p999=served.p999_ms if served.windows >= LEAST_FOR_P999 else None,
        target=STAGGERED_MS["p50"] if promised else None,
    )
    if promised:
        yield Row(f"{name}, p99", served.p99_ms, None, "ms", target=STAGGERED_MS["p99"])
        yield Row(f"{name}, p99.9", served.p999_ms, None, "ms", target=STAGGERED_MS["p99.9"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each row")
    parser.add_argument("--quick", action="store_true", help="few people only")
    parser.add_argument("--more", action="store_true", help="in step, with adaptation, over LSL")
    a = parser.parse_args()
    found = list(rows(QUICK if a.quick else RATES, seconds=a.seconds))
    if a.more:
        found += more_rows(seconds=a.seconds)
    sys.stdout.write(markdown(found, machine()))


if __name__ == "__main__":
    main()
