"""One session of two hours, in minutes: with drift, losses and learning, and nothing that grows.

The world of the scenarios, whose clock is the test's. What a window costs is counted in seconds of
the processor, not of the wall, so that a machine that has other things to do says nothing.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
from support.keeping import new_data_folder
from support.playing import Play
from support.scenario import Step

from hadua.service.storage.database import FILE_NAME

PIECE = Step("feed", 0, 0.94)  # five seconds of signal
PIECE_S = 5.0
SLOWER_AT_MOST = 1.5
MORE_BYTES_AT_MOST = 1.3
HAPPENS = (
    Step("fault", 0, 0.1, "drift"),
    Step("lose", 0, 0.5, "eeg"),
    Step("fault", 0, 0.5, "one-bad"),
    Step("lose", 0, 0.8, "gaze"),
    Step("fault", 0, 0.3, "jitter"),
    Step("freeze", 0, 0.5, "both"),
    Step("marker", 0, 0.2),
    Step("fault", 0, 0.3, "nan"),
)


@dataclass
class Long:
    """What was measured of a session, piece by piece.

    Args:
        cost_ms: Of the processor, for each window of an undisturbed piece.
        database_bytes: Of the file and its log.
        recorded_bytes: Of the recording.
        seqs: Of its last frame.
        memory_mb: Resident; now and then.
    """

    cost_ms: list[float] = field(default_factory=list)
    database_bytes: list[int] = field(default_factory=list)
    recorded_bytes: list[int] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


async def long_session(folder: Path, *, minutes: float, learning: bool) -> Long:
    """A session of so many minutes of signal; every invariant holds after everything that happens.

    With `learning` it is calibrated early on, and its person followed from then on.
    """
    scene, long, sound = Play(new_data_folder(folder), people=1), Long(), False
    await scene.begin()
    try:
        await scene.do(PIECE)
        await scene.do(Step("record", 0, 0.1))
        n = round(minutes * 60.0 / PIECE_S)
        for k in range(n):
            if learning and k == 12:
                for name in ("calibrate", "collect", "collect", "collect", "finish", "accept"):
                    await scene.do(Step(name, 0, 0.5))
                await scene.do(Step("adapt", 0, 0.1))
            if k % max(n // 24, 6) == 5:
                await scene.do(HAPPENS[k // max(n // 24, 6) % len(HAPPENS)])
                await scene.do(PIECE)  # what follows from it is over
            await _piece(scene, long)
            if k % max(n // 8, 1) == 0:
                long.memory_mb.append(scene.checks.note_memory())
        sound = True
    finally:
        await scene.end(sound=sound)
    return long


async def _piece(scene: Play, long: Long) -> None:
    session = scene.world.session(scene.world.people[0])
    assert session is not None
    assert not session.over.is_set(), session.reason
    before, began_s = session.publisher.predictions, time.process_time()
    await scene.happenings.do(PIECE)
    spent_s, windows = time.process_time() - began_s, session.publisher.predictions - before
    await scene.checks.after(scene.world.people[0])
    if windows:
        long.cost_ms.append(spent_s * 1e3 / windows)
    scene.world.service.storage.flush()
    files = scene.world.folder.glob(FILE_NAME + "*")
    long.database_bytes.append(sum(path.stat().st_size for path in files))
    recording = session.recording.status()
    assert recording is not None
    assert recording.state == "recording", recording
    long.recorded_bytes.append(recording.size_bytes)
    journal = session.publisher.journal
    long.seqs.append(journal.last_seq)
    kept = scene.world.service.settings.journal_frames
    assert journal.last_seq - journal.first_seq < kept


def require_that_nothing_grows(long: Long, *, memory_mb: float) -> None:
    """The second half costs, and takes, what the first did."""
    quarter = len(long.cost_ms) // 4
    first, last = median(long.cost_ms[:quarter]), median(long.cost_ms[-quarter:])
    assert last < SLOWER_AT_MOST * first, (first, last)
    half = len(long.seqs) // 2
    recorded = long.recorded_bytes
    assert recorded[-1] - recorded[-1 - half] < MORE_BYTES_AT_MOST * (recorded[half] - recorded[0])
    a_frame = long.database_bytes[half] / long.seqs[half]
    later = long.database_bytes[-1] - long.database_bytes[half]
    assert later < MORE_BYTES_AT_MOST * a_frame * (long.seqs[-1] - long.seqs[half])
    assert long.memory_mb[-1] < long.memory_mb[1] + memory_mb, long.memory_mb


def test_some_minutes_of_a_session_cost_at_the_end_what_they_did_at_first(tmp_path: Path) -> None:
    done = asyncio.run(long_session(tmp_path / "data", minutes=2.0, learning=False))

    assert done.seqs[-1] > 200
    require_that_nothing_grows(done, memory_mb=30.0)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hours_of_a_session_with_learning_cost_at_the_end_what_they_did_at_first(
    tmp_path: Path,
) -> None:
    done = asyncio.run(long_session(tmp_path / "data", minutes=120.0, learning=True))

    assert done.seqs[-1] > 14_000
    require_that_nothing_grows(done, memory_mb=60.0)
