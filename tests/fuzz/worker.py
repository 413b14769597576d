"""One process that feeds a parser: `python -m fuzz.worker TARGET SEED FIRST COUNT FOLDER`.

It writes into FOLDER/progress where it stands before every input, so that whoever started it knows
which one it was when it dies or hangs; its last line tells what became of the inputs.
"""

import json
import logging
import mmap
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from fuzz.all_targets import target_named
from fuzz.memory import limit_memory, peak_mb
from fuzz.target import Feed, refused

CPU_S = 5.0  # of one input; none of them is larger than some tens of kilobytes
FAULTS_AT_MOST = 20
PROGRESS, FAULTS = "progress", "faults"


class HangError(BaseException):
    """An input that takes too long; no `Exception`, so that nothing swallows it."""


@dataclass(slots=True)
class Outcome:
    """What became of the inputs."""

    inputs: int = 0
    refused: int = 0
    faults: int = 0
    grown_mb: float = 0.0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)


def run(name: str, *, seed: int, first: int, count: int, folder: Path) -> Outcome:
    """Feed inputs `first` to `first + count - 1`; what is a fault lies in `folder/faults`."""
    target, outcome = target_named(name), Outcome()
    seeds = target.seeds()
    (folder / FAULTS).mkdir(exist_ok=True)
    in_memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="hadua-fuzz-", dir=in_memory) as scratch,
        _Progress(folder / PROGRESS) as progress,
    ):
        feed = target.opened(Path(scratch))
        for data in seeds:
            refused(feed, data)
        limit_memory()
        warm_mb, started_s = peak_mb(), time.monotonic()
        for index in range(first, first + count):
            progress.note(index)
            outcome.inputs += 1
            data = target.input(seeds, seed=seed, index=index)
            _feed(feed, data, outcome, place=folder / FAULTS / f"{name}-{seed}-{index}")
            if outcome.faults >= FAULTS_AT_MOST:
                break
        outcome.seconds = time.monotonic() - started_s
        outcome.grown_mb = peak_mb() - warm_mb
    return outcome


def _feed(feed: Feed, data: bytes, outcome: Outcome, *, place: Path) -> None:
    _alarm(CPU_S)
    try:
        outcome.refused += refused(feed, data)
    except (Exception, HangError) as error:  # noqa: BLE001 - whatever it is, it is the finding
        _alarm(0.0)
        kind = _kind(error)
        outcome.kinds[kind] += 1
        if outcome.kinds[kind] == 1:  # one of a kind is enough to go on with
            outcome.faults += 1
            place.with_suffix(".bin").write_bytes(data)
            place.with_suffix(".txt").write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        _alarm(0.0)


def _kind(error: BaseException) -> str:
    """Which error, from where in our code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/fuzz/" not in f.filename and "site-packages" not in f.filename]
    last = (ours or list(frames))[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


class _Progress:
    def __init__(self, path: Path) -> None:
        path.write_bytes(b"\0" * 8)
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), 8)

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()
        self._file.close()

    def note(self, index: int) -> None:
        struct.pack_into("<Q", self._map, 0, index + 1)


def progress_of(path: Path) -> int | None:
    """The input that a worker stands at; None before the first."""
    (index,) = struct.unpack("<Q", path.read_bytes() or b"\0" * 8)
    return index - 1 if index else None


def _alarm(cpu_s: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, cpu_s)


def _hang(number: int, frame: FrameType | None) -> None:
    raise HangError(f"more than {CPU_S:g} s of the processor")


def main() -> None:
    """See above."""
    name, seed, first, count, folder = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, _hang)
    done = run(name, seed=int(seed), first=int(first), count=int(count), folder=Path(folder))
    told = {
        "inputs": done.inputs, "refused": done.refused, "faults": done.faults,
        "grown_mb": round(done.grown_mb, 1), "seconds": round(done.seconds, 1),
        "kinds": dict(done.kinds),
    }  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
