"""A run over parsers: workers in processes of their own, watched, and counted."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fuzz.all_targets import target_named
from fuzz.target import Target
from fuzz.worker import FAULTS, PROGRESS, progress_of

STALLED_S = 120.0  # of the wall, on one input; a worker ends one itself after seconds of processor
PIECE = 200_000  # a worker's start takes as long as some thousand inputs
SLOW = ("environment", "xdf", "http", "bundle", "archive")
_TESTS = Path(__file__).parents[1]


@dataclass(slots=True)
class Tally:
    """What became of the inputs of one parser."""

    target: str
    seed: int
    inputs: int = 0
    refused: int = 0
    grown_mb: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def next(self) -> int:
        """The number of the input that comes next."""
        return self.inputs


def campaign(
    target: Target, tally: Tally, *, count: int, found: Path, told: Callable[[Tally], None]
) -> None:
    """Feed the parser until it has had `count` inputs; inputs that are faults go to `found`."""
    while tally.inputs < count:
        with tempfile.TemporaryDirectory(prefix="hadua-fuzz-") as scratch:
            folder = Path(scratch)
            _piece(target, tally, min(PIECE, count - tally.inputs), folder)
            _keep(folder / FAULTS, found)
        told(tally)


def _piece(target: Target, tally: Tally, count: int, folder: Path) -> None:
    started_s, first = time.monotonic(), tally.next
    command = [sys.executable, "-m", "fuzz.worker", target.name, str(tally.seed)]
    path = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
    with (folder / "said").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [*command, str(first), str(count), str(folder)],
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        stalled = _watch(process, folder / PROGRESS)
        said.seek(0)
        lines = said.read().splitlines()
    tally.seconds += time.monotonic() - started_s
    if process.returncode == 0 and not stalled:
        done = json.loads(lines[-1])
        tally.inputs += done["inputs"]
        tally.refused += done["refused"]
        tally.grown_mb = max(tally.grown_mb, done["grown_mb"])
        tally.faults += [f"{kind} ({n} times)" for kind, n in done["kinds"].items()]
        return
    at = progress_of(folder / PROGRESS) if (folder / PROGRESS).exists() else None
    if at is None:  # it never began
        raise RuntimeError(f"{target.name}: {lines[-5:]}")
    name = f"{target.name}-{tally.seed}-{at}"
    (folder / FAULTS).mkdir(exist_ok=True)
    data = target.input(target.seeds(), seed=tally.seed, index=at)
    (folder / FAULTS / f"{name}.bin").write_bytes(data)
    (folder / FAULTS / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    how = "hangs" if stalled else f"ends the process ({_death(process.returncode)})"
    tally.faults.append(f"input {at} {how}")
    tally.inputs = at + 1


def _watch(process: "subprocess.Popen[bytes]", progress: Path) -> bool:
    """Wait for the process; True if it was ended because it stood still."""
    last, since_s = None, time.monotonic()
    while True:
        try:
            process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            at = progress_of(progress) if progress.exists() else None
            if at != last:
                last, since_s = at, time.monotonic()
            elif time.monotonic() - since_s > STALLED_S:
                process.kill()
                process.wait()
                return True
        else:
            return False


def _death(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _keep(faults: Path, found: Path) -> None:
    for path in sorted(faults.glob("*")) if faults.is_dir() else ():
        found.mkdir(parents=True, exist_ok=True)
        (found / path.name).write_bytes(path.read_bytes())


def run_all(
    names: list[str], *, seed: int, count: int, found: Path, out: Path | None, workers: int = 1
) -> Iterator[Tally]:
    """The tally of each parser when it is done; `out` has those of unfinished ones, too.

    So many workers at once, those first whose inputs take longest.
    """
    writing = threading.Lock()

    def told(tally: Tally) -> None:
        if out is not None:
            with writing, out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(tally)) + "\n")

    def all_of(name: str) -> Tally:
        tally = Tally(name, seed)
        campaign(target_named(name), tally, count=count, found=found, told=told)
        return tally

    first = sorted(names, key=lambda name: name not in SLOW)
    with ThreadPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(all_of, name) for name in first]):
            yield done.result()
