"""Is any sample lost, doubled or out of order on its way, and if so, is it counted?

    python benchmarks/index_signal.py [--seconds 600] [--busy 2]

A process of its own sends 62 channels at 1000 Hz over LSL; the first is the sample's own number. A
session of the real service takes them through its whole path, from the inlet to the network. Right
before the pipeline the numbers are looked at. Meanwhile `--busy` processes do nothing but compute,
one for each core unless told otherwise. Writes `results/index_signal.{json,md}`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from table import machine

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import SampleChunk
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.config import Settings
from hadua.service.hub import Hub
from hadua.service.meant import engine_factory
from hadua.service.metrics import Metrics
from hadua.service.sessions import Sessions
from hadua.service.sources import live_source
from hadua.service.storage.storage import Storage
from hadua.service.wire import StreamStatus

RESULTS = Path(__file__).resolve().parent / "results"
SENDER = Path(__file__).with_name("index_sender.py")
RATE_HZ = 1000.0
LINGER_S = 3.0


@dataclass(slots=True)
class Numbers:
    """Follows the numbers of the samples that reach the pipeline.

    Args:
        n: How many came.
        first: Number of the first.
        missing: Numbers that were passed over.
        again: Samples whose number had been there, or was lower than one before.
        unsaid: Places where numbers were passed over and no chunk said that it follows a gap.
    """

    n: int = 0
    first: int | None = None
    missing: int = 0
    again: int = 0
    unsaid: int = 0
    _next: int | None = None

    def __call__(self, modality: Modality, chunk: SampleChunk) -> None:
        if not len(chunk):
            return
        k = chunk.x[:, 0].astype(np.int64)
        if self._next is None:
            self.first = int(k[0])
        before = int(k[0]) - 1 if self._next is None else self._next - 1
        steps = np.diff(k, prepend=before)
        self.n += len(k)
        self.again += int((steps < 1).sum())
        self.missing += int((steps[steps > 1] - 1).sum())
        self.unsaid += int((steps[1:] > 1).sum()) + int(steps[0] > 1 and not chunk.gap_before)
        self._next = int(k.max()) + 1


@dataclass(frozen=True, slots=True)
class Account:
    """What was sent, what came, and what is said about the difference."""

    seconds: float
    busy: int
    sent: int
    numbers: Numbers
    counted: dict[str, int]
    answers: int
    load: tuple[float, float]
    lag_ms: dict[str, float] = field(default_factory=dict)

    @property
    def not_come(self) -> int:
        """Samples that were sent and did not reach the pipeline."""
        return self.sent - self.numbers.n + self.numbers.again

    @property
    def uncounted(self) -> int:
        """Those of them of which no counter speaks; a dropped chunk is one at least."""
        kinds = ("lost_samples", "chunks_dropped", "chunks_before_start", "discarded")
        return max(0, self.not_come - sum(self.counted.get(kind, 0) for kind in kinds))


async def account(folder: Path, *, seconds: float, busy: int) -> Account:
    """Send, take, and compare."""
    settings = Settings.model_validate({"data_dir": folder, "wait_s": 60.0})
    bundle = load_bundle(demo_bundle_path())

    def load() -> Runtime:
        return load_runtime(bundle, name="onnx", device="cpu")

    numbers, source_id = Numbers(), f"index-{uuid.uuid4().hex[:8]}"
    storage = Storage.open(folder, unix_clock=time.time)
    sessions = Sessions(
        settings,
        make_engine=engine_factory(settings, bundle, load),
        hub=Hub(),
        metrics=Metrics(),
        storage=storage,
        clock=lsl_now_s,
        unix_clock=time.time,
        tap=numbers,
    )
    before, late_s = os.getloadavg()[0], list[float]()
    try:
        with _sender(source_id, seconds) as sender, _busy(busy):
            async with sessions:
                text = f"lsl:source_id={source_id}"
                session = sessions.start({Modality.EEG: live_source(text, modality=Modality.EEG)})
                sent = asyncio.create_task(asyncio.to_thread(_line, sender))
                while not sent.done():
                    due_s = time.monotonic() + 0.02
                    await asyncio.sleep(0.02)
                    late_s.append(time.monotonic() - due_s)
                    if session.error is not None:
                        raise session.error
                await asyncio.sleep(LINGER_S)
                status = session.streams()["eeg"]
                answers = session.publisher.predictions
                load_after = os.getloadavg()[0]
    finally:
        storage.close()
    p50, p99 = (1e3 * np.quantile(np.array(late_s), (0.5, 0.99))).tolist()
    return Account(
        seconds,
        busy,
        round(RATE_HZ * seconds),
        numbers,
        _counted(status),
        answers,
        (before, load_after),
        {"p50": p50, "p99": p99},
    )


def _counted(status: StreamStatus) -> dict[str, int]:
    names = ("gaps", "lost_samples", "chunks_dropped", "chunks_before_start", "overflows")
    return {name: int(getattr(status, name)) for name in names}


@contextmanager
def _sender(source_id: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SENDER), source_id, str(RATE_HZ), str(seconds)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_one_thread()
    )
    try:
        if _line(child) != "up":
            raise SystemExit("the sender did not start")
        yield child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def _busy(n: int) -> Iterator[None]:
    """So many processes that do nothing but compute."""
    command = [sys.executable, "-c", "while True: sum(range(10_000))"]
    children = [subprocess.Popen(command) for _ in range(n)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def _line(child: subprocess.Popen[str]) -> str:
    return "" if child.stdout is None else child.stdout.readline().strip()


def _one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def in_words(told: Account) -> str:
    """The account as a Markdown table."""
    numbers = told.numbers
    facts = {
        "sent": f"{told.sent} samples of 62 channels at {RATE_HZ:g} Hz, {told.seconds:g} s",
        "setting": f"{told.busy} processes that compute beside it on {os.cpu_count()} cores, load "
        f"average {told.load[0]:.1f} before and {told.load[1]:.1f} at the end",
        "reached the pipeline": f"{numbers.n}",
        "lost": f"{told.not_come}, of which no counter speaks: {told.uncounted}",
        "doubled or out of order": f"{numbers.again}",
        "missing without a gap being said": f"{numbers.unsaid}",
        "counters": ", ".join(f"{name} {n}" for name, n in told.counted.items()),
        "answers": f"{told.answers}",
        "lag of the event loop": ", ".join(f"{q} {x:.2f} ms" for q, x in told.lag_ms.items()),
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    about = ", ".join(f"{k} {v}" for k, v in machine().items())
    return f"{about}\n\n| | |\n|---|---|\n{rows}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--busy", type=int, default=os.cpu_count())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as folder:
        told = asyncio.run(account(Path(folder), seconds=given.seconds, busy=given.busy))
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), **asdict(told)}
    content |= {"not_come": told.not_come, "uncounted": told.uncounted}
    (RESULTS / "index_signal.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    (RESULTS / "index_signal.md").write_text(in_words(told), encoding="utf-8")
    sys.stdout.write(in_words(told))


if __name__ == "__main__":
    main()
