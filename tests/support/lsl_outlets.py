"""Real LSL senders for tests: in this process, and in one of their own that can be frozen."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pylsl


@dataclass(slots=True)
class IndexOutlet:
    """An outlet whose channel 0 is the sample's own number, so that a lost one shows.

    `channels` holds one mapping per described channel; there may be fewer of them than `count`.
    """

    name: str
    type: str = "EEG"
    count: int = 4
    rate_hz: float = 250.0
    source_id: str = ""
    format: str = "float32"
    channels: Sequence[Mapping[str, str]] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    outlet: pylsl.StreamOutlet = field(init=False)
    sent: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        info = pylsl.StreamInfo(
            self.name,
            self.type,
            self.count,
            self.rate_hz,
            self.format,
            self.source_id or f"id-{self.name}",
        )
        for key, value in self.extra.items():
            info.desc().append_child_value(key, value)
        if self.channels:
            described = info.desc().append_child("channels")
            for channel in self.channels:
                one = described.append_child("channel")
                for key, value in channel.items():
                    one.append_child_value(key, value)
        self.outlet = pylsl.StreamOutlet(info)

    def push(self, n: int, *, newest_s: float | None = None) -> None:
        """Send the next `n` samples, the newest stamped `newest_s` (default: now)."""
        k = np.arange(self.sent, self.sent + n, dtype=np.float32)
        block = np.stack([k, *(np.full(n, c, np.float32) for c in range(1, self.count))], axis=1)
        stamp_s = pylsl.local_clock() if newest_s is None else newest_s
        self.outlet.push_chunk(block.astype(self.outlet.np_dtype), stamp_s)
        self.sent += n

    def push_values(self, rows: Sequence[Sequence[float]], *, newest_s: float) -> None:
        """Send rows as they are."""
        self.outlet.push_chunk([list(row) for row in rows], newest_s)


@contextmanager
def sender_process(
    name: str, *, rate_hz: float = 250.0, labels: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A sender of index samples in its own process, at the rate given, until the block ends.

    With `labels` its channels are called so, and hold noise of 10 uV.
    """
    command = [sys.executable, str(Path(__file__)), name, "--rate", str(rate_hz)]
    command += ["--labels", *labels] if labels else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "sending\n"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def frozen(process: subprocess.Popen[str]) -> Iterator[None]:
    """Freeze a process for the length of the block."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def _send_for_ever() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--labels", nargs="*", default=[])
    given = parser.parse_args()
    channels = [{"label": x, "type": "EEG", "unit": "microvolts"} for x in given.labels]
    outlet = IndexOutlet(
        given.name, rate_hz=given.rate, type="EEG", count=len(channels) or 4, channels=channels
    )
    sys.stdout.write("sending\n")
    sys.stdout.flush()
    start_s = pylsl.local_clock()
    while True:
        time.sleep(0.02)
        due = int((pylsl.local_clock() - start_s) * given.rate) - outlet.sent
        if due > 0:
            newest_s = start_s + (outlet.sent + due - 1) / given.rate
            if channels:
                noise = np.random.default_rng(outlet.sent).normal(0.0, 10.0, (due, len(channels)))
                outlet.push_values(noise.tolist(), newest_s=newest_s)
                outlet.sent += due
            else:
                outlet.push(due, newest_s=newest_s)


if __name__ == "__main__":
    _send_for_ever()
