"""When a window is rehearsed, and that nothing comes of it but speed."""

import asyncio
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, GAZE, async_test, ramp

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Bridge
from hadua.service.engine import Stepper
from hadua.service.rehearsal import LEAD_S, MANY, WARM_S, Rehearsal, Worked
from hadua.service.turns import Turns

LAG_S = 0.004  # from a block's last stamp to its arrival


@dataclass
class Rehearsed:
    """A pipeline whose next window ends with the sample stamped `ends_s`."""

    ends_s: float = math.inf
    done: list[float] = field(default_factory=list)
    stepped: int = 0

    def last_s(self) -> float:
        return self.ends_s

    def rehearse(self) -> None:
        self.done.append(self.ends_s)

    def step(self, modality: Modality, chunk: SampleChunk) -> list[object]:
        self.stepped += len(chunk)
        return []


def arrival(start: int, stop: int, modality: Modality = Modality.EEG) -> Arrival:
    chunk = ramp(EEG if modality is Modality.EEG else GAZE, start, stop)
    return Arrival(modality, chunk, float(chunk.t_s[-1]) + LAG_S)


def rehearsal(pipeline: Rehearsed, now_s: list[float], worked: Worked | None = None) -> Rehearsal:
    return Rehearsal(
        pipeline, clock=lambda: now_s[0], rouse=lambda: None, worked=worked or Worked()
    )


@given(block=st.integers(1, 30), end=st.integers(100, 200), seen=st.integers(3, 6))
def test_its_time_is_right_before_the_block_with_the_last_sample(
    block: int, end: int, seen: int
) -> None:
    pipeline, now_s = Rehearsed(), [0.0]
    due = rehearsal(pipeline, now_s)
    first = (end // block - seen) * block
    for k in range(seen):
        start = first + k * block
        if start >= 0:
            due.saw([arrival(start, start + block)])
            now_s[0] = arrival(start, start + block).arrived_s
    pipeline.ends_s = float(ramp(EEG, end, end + 1).t_s[0])
    brings_it = arrival(end // block * block, (end // block + 1) * block).arrived_s

    in_s = due.in_s()

    if in_s is not None:
        assert now_s[0] + in_s == pytest.approx(max(brings_it - LEAD_S, now_s[0]), abs=1e-9)
    else:
        assert first + block * (seen - 1) < 2 * block  # too few blocks were seen


def test_nothing_is_foretold_of_what_is_not_begun_or_far() -> None:
    pipeline, now_s = Rehearsed(), [0.0]
    due = rehearsal(pipeline, now_s)
    pipeline.ends_s = 0.5
    assert due.in_s() is None  # no block was seen
    due.saw([arrival(0, 10, Modality.EYE), arrival(0, 2), arrival(2, 4)])
    now_s[0] = 0.04
    pipeline.ends_s = math.inf
    assert due.in_s() is None  # no window was begun
    pipeline.ends_s = 5.0
    assert due.in_s() is None  # a gap may be before it
    pipeline.ends_s = 0.11
    assert due.in_s() is not None
    now_s[0] = 1.0
    assert due.in_s() is None  # the block is late: it may come any moment


def test_each_window_once_and_not_where_somebody_has_just_worked() -> None:
    pipeline, now_s, worked = Rehearsed(), [0.04], Worked()
    due = rehearsal(pipeline, now_s, worked)
    due.saw([arrival(0, 2), arrival(2, 4)])
    pipeline.ends_s = 0.05
    assert due.in_s() is not None
    due.hold()
    assert due.in_s() is None

    pipeline.ends_s = 0.09
    worked.note(now_s[0] - 0.5 * WARM_S)
    due.hold()
    pipeline.ends_s = 0.13
    worked.note(now_s[0] - 2.0 * WARM_S)
    due.hold()

    assert pipeline.done == [0.05, 0.13]


def test_none_is_rehearsed_where_many_windows_come() -> None:
    """It would cost each as much again."""
    pipeline, now_s, worked = Rehearsed(), [0.04], Worked()
    due = rehearsal(pipeline, now_s, worked)
    for k in range(MANY):
        worked.note(now_s[0])
        now_s[0] += 0.9 / MANY
        if k >= MANY - 2:
            pipeline.ends_s = now_s[0] + 0.05
            due.hold()
    assert len(pipeline.done) == 1  # the last but one, which made it eleven

    now_s[0] += 0.5  # and after it
    pipeline.ends_s = now_s[0] + 0.05
    due.hold()
    assert len(pipeline.done) == 2


@async_test
async def test_the_worker_rehearses_between_two_blocks_and_takes_both() -> None:
    pipeline, now_s = Rehearsed(), [0.0]
    bridge = Bridge(bound_s=10.0)
    bridge.hold(lambda modality: 0.0)
    turns = Turns(
        bridge,
        lambda arrivals: (list(arrivals), set()),
        Stepper(pipeline, clock=lambda: now_s[0]),  # type: ignore[arg-type]
        loop=asyncio.get_running_loop(),
        worked=Worked(),
    )
    for start in (0, 2, 4):
        bridge.put(arrival(start, start + 2))
        now_s[0] = arrival(start, start + 2).arrived_s
        await asyncio.to_thread(turns.next)
    pipeline.ends_s = float(ramp(EEG, 7, 8).t_s[0])

    turn = await asyncio.to_thread(turns.next)  # nothing comes: the time passes

    assert turn.items == []
    assert pipeline.done == [pipeline.ends_s]
    bridge.put(arrival(6, 8))
    assert len((await asyncio.to_thread(turns.next)).arrivals) == 1
    assert pipeline.done == [pipeline.ends_s]
    assert pipeline.stepped == 8
