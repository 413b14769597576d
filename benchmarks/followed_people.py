"""From a window's last sample to a WebSocket client, of people who are followed, over LSL.

    python benchmarks/followed_people.py [--seconds 60]

The service is `hadua-serve`, in a process of its own as a user starts it. Other processes send
each person's 62 channels at 1000 Hz and gaze at 120 Hz over Lab Streaming Layer; each has a
session, a process that adapts, and a client. In turns with it, beside the same senders, one process
does nothing but the parts of one window: `hadua bench path` says which.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psutil
from learners import memory_mb, processor_s
from sending_people import sent, source_of
from table import Row, machine, markdown

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.service.answers import SessionInfo
from hadua.service.bench.effort import Effort
from hadua.service.bench.path import TOO_FEW, TURNS, against_parts, bare_parts
from hadua.service.bench.started import WARM_UP, Heard, hear, serving
from hadua.service.client import Client

CROWDS = (1, 8)  # people, as promised
READY_WITHIN_S = 120.0  # torch is to be imported, by a process that goes last
SETTINGS = {"HADUA_ADAPTATION": "1", "HADUA_REQUIRE_CONSENT": "0", "HADUA_OUTLET": "0"}


@dataclass(slots=True)
class Followed:
    """What was done for them besides answering.

    Args:
        updates: Versions of their networks that took over.
        dropped: Chunks of signal that were dropped.
        start_s: Seconds of a processor that they took to begin, each time.
        own_mb: What the processes that follow take at the end of each time, in all.
    """

    updates: int = 0
    dropped: int = 0
    start_s: list[float] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)

    def words(self, people: int) -> str:
        """As a row says it."""
        mb, start_s = (np.median(values) / people for values in (self.own_mb, self.start_s))
        return (
            f"{self.updates} versions took over; {self.dropped} chunks dropped; "
            f"followers {mb:.0f} MB a person, {start_s:.1f} s of a processor to begin"
        )


def suite_rows(effort: Effort) -> list[Row]:
    """As a group of `hadua bench`."""
    return list(rows(CROWDS if effort.crowds else CROWDS[:1], seconds=effort.seconds))


def rows(crowds: Sequence[int], *, seconds: float) -> Iterator[Row]:
    """A row for each number of people."""
    for people in crowds:
        yield _row(people, seconds)


def _row(people: int, seconds: float) -> Row:
    ours, bare, done = Heard(), Heard(), Followed()
    hop_s = load_bundle(demo_bundle_path()).hop_s
    each_s = seconds / TURNS + WARM_UP * hop_s
    with sent(people):
        for _ in range(TURNS):
            with bare_parts(hop_s) as url:
                hear([url], each_s, bare)
            with _followed(people, done) as urls:
                hear(urls, each_s, ours)
    name = f"{'one person' if people == 1 else f'{people} people'} followed: last sample to client"
    if not ours.way_ms or not bare.way_ms:
        return Row.missing(name, TOO_FEW)
    stages = ", ".join(f"{stage} {np.median(ms):.2f}" for stage, ms in ours.stage_ms.items())
    return against_parts(name, ours, bare, setting=f"; {stages} ms; {done.words(people)}")


@contextmanager
def _followed(people: int, done: Followed) -> Iterator[list[str]]:
    """The WebSockets of sessions whose people are followed; adds to `done` what was done."""
    with (
        tempfile.TemporaryDirectory(prefix="hadua-bench-") as folder,
        serving(settings={**SETTINGS, "HADUA_DATA_DIR": folder}) as service,
        Client(service.url) as hadua,
    ):
        for k in range(people):
            eeg, gaze = (source_of(k, m) for m in (Modality.EEG, Modality.EYE))
            hadua.start_session(eeg=eeg, gaze=gaze, participant=f"P{k}", session_id=f"p{k}")
        _wait_for_all(hadua.sessions)
        process = psutil.Process(service.pid)
        done.start_s.append(processor_s(process))
        yield [service.predictions_of(f"p{k}") for k in range(people)]
        done.own_mb.append(memory_mb(process))
        for session in hadua.sessions():
            done.updates += 0 if session.adaptation is None else session.adaptation.updates
            done.dropped += session.status.chunks_dropped


def _wait_for_all(sessions: Callable[[], Sequence[SessionInfo]]) -> None:
    until_s = time.monotonic() + READY_WITHIN_S
    while waiting := [s for s in sessions() if not _is_followed(s)]:
        failed = any(s.status.state in ("failed", "stopped") for s in waiting)
        if failed or time.monotonic() > until_s:
            first = waiting[0]
            why = first.status.reason or f"adaptation {first.status.adaptation or 'off'}"
            raise SystemExit(f"{first.id} is {first.status.state} and not followed: {why}")
        time.sleep(0.5)


def _is_followed(session: SessionInfo) -> bool:
    return session.status.state == "running" and session.status.adaptation == "on"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row")
    asked = parser.parse_args()
    sys.stdout.write(markdown(rows(CROWDS, seconds=asked.seconds), machine()))


if __name__ == "__main__":
    main()
