"""How many people one process serves, what each costs, and how late their answers are.

    python benchmarks/many_people.py [--seconds 30] [--quick] [--lsl]

Each row is a process of its own: the real service (sessions, readers, bridge, pipeline, hub,
storage), whose sources give recorded chunks in real time as liblsl does: 62 channels at 1000 Hz in
chunks of 20 ms, gaze at 120 Hz sample by sample. `--lsl` adds rows over real Lab Streaming Layer,
whose senders are processes of their own. People per core is the processor time that the process
took, in one second and for one person, turned around; whether that holds in real time is seen by
what was dropped. Latency is from the arrival of a window's last sample to the clients' senders.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from table import Row, machine, markdown

HERE = Path(__file__).parent
SERVED = HERE / "served_people.py"


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
    done = subprocess.run(
        [sys.executable, str(SERVED), json.dumps(asked)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=seconds + 300.0,
    )
    line = done.stdout.strip().splitlines()[-1]
    sys.stderr.write(
        f"{json.dumps(asked)}: {line}\n"
    )  # an hour's rows outlive the last one's fault
    return Served(**json.loads(line))


def rows(*, seconds: float, quick: bool, lsl: bool) -> list[Row]:
    """Cost at 1 and 10 decisions a second, latency staggered and in step, memory."""
    crowd = (1, 8) if quick else (1, 8, 64)
    out: list[Row] = []
    for hop_s, most in ((1.0, 100), (0.1, 50)):
        alone = None
        for people in (*crowd, *(() if quick else (most,))):
            served = serve(people, hop_s=hop_s, seconds=seconds)
            alone = alone or served
            out += _cost(served, alone)
            out.append(_latency(served, "staggered"))
    for people in crowd[1:]:
        out.append(_latency(serve(people, hop_s=1.0, seconds=seconds, in_step=True), "in step"))
    for people in crowd[:2]:
        served = serve(people, hop_s=0.5, seconds=seconds, adapt=True)
        out.append(_latency(served, "staggered, adaptation on"))
        mb = served.learners_mb / people
        out.append(Row(f"{people} people: processes that adapt", mb, None, "MB a person"))
    for people in (1, 8) if lsl else ():
        served = serve(people, hop_s=1.0, seconds=seconds, lsl=True)
        out += _cost(served, served)
        out.append(_latency(served, "staggered, over LSL"))
    return out


def _cost(served: Served, alone: Served) -> list[Row]:
    what = f"{served.people} people, {1.0 / served.hop_s:g} a second"
    setting = (
        f"{served.windows} windows of {served.expected}; {served.dropped} chunks dropped; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    ratio = served.per_person_ms / alone.per_person_ms
    return [
        Row(f"{what}: processor", served.per_person_ms, None, "ms a second and person",
            f"{alone.people} people", ratio, setting),
        Row(f"{what}: people per core", 1e3 / served.per_person_ms, None, "people",
            setting=setting),
        Row(f"{what}: memory", served.memory_mb, None, "MB a person",
            setting=f"private bytes; grew by {served.grown_mb_h:.1f} MB an hour and person"),
    ]  # fmt: skip


def _latency(served: Served, how: str) -> Row:
    return Row(
        f"{served.people} people, {1.0 / served.hop_s:g} a second, {how}: latency",
        served.p50_ms,
        served.p99_ms,
        "ms",
        setting=f"p99.9 {served.p999_ms:.1f} ms; n = {served.windows}; "
        f"{served.dropped} chunks dropped; load {os.getloadavg()[0]:.1f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each row")
    parser.add_argument("--quick", action="store_true", help="1 and 8 people only")
    parser.add_argument("--lsl", action="store_true", help="also over Lab Streaming Layer")
    a = parser.parse_args()
    sys.stdout.write(markdown(rows(seconds=a.seconds, quick=a.quick, lsl=a.lsl), machine()))


if __name__ == "__main__":
    main()
