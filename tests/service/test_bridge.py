"""The bridge keeps order, drops the oldest, marks the gap, and counts."""

import asyncio
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, GAZE, async_test, ramp

from hadua.adapters.sources.source import EndOfStreamError, Marker, SampleChunk
from hadua.models.features import Modality
from hadua.service.bridge import (
    ASSUMED_RATE_HZ,
    HOLD_S,
    Arrival,
    Bridge,
    Ended,
    Item,
    Marked,
    signal_s,
)

BOUND_S = 1.0


def arrival(start: int, stop: int, modality: Modality = Modality.EEG) -> Arrival:
    spec = EEG if modality is Modality.EEG else GAZE
    return Arrival(modality, ramp(spec, start, stop), arrived_s=float(stop))


async def drain(bridge: Bridge, n: int) -> list[Item]:
    items: list[Item] = []
    while len(items) < n:
        items += bridge.take(1.0)
    return items


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_what_is_kept_is_the_newest_in_order_and_the_rest_is_counted(sizes: list[int]) -> None:
    @async_test
    async def check() -> None:
        bridge = Bridge(bound_s=BOUND_S)
        bridge.start()
        edges = [sum(sizes[:k]) for k in range(len(sizes) + 1)]
        for start, stop in pairwise(edges):
            bridge.put(arrival(start, stop))
        dropped = bridge.dropped(Modality.EEG)

        kept = [
            i.chunk for i in await drain(bridge, len(sizes) - dropped) if isinstance(i, Arrival)
        ]

        assert len(kept) + dropped == len(sizes)
        values = [int(v) for chunk in kept for v in chunk.x[:, 0]]
        assert values == list(range(edges[dropped], edges[-1]))
        assert [chunk.gap_before for chunk in kept] == [dropped > 0] + [False] * (len(kept) - 1)
        held_s = sum(map(signal_s, kept))
        assert held_s <= BOUND_S + 1e-9 or len(kept) == 1
        if dropped:
            assert held_s + sizes[dropped - 1] / EEG.rate_hz > BOUND_S - 1e-9

    check()


@async_test
async def test_a_slow_modality_does_not_cost_the_other_one_anything() -> None:
    bridge = Bridge(bound_s=BOUND_S)
    bridge.start()
    bridge.put(arrival(0, 10, Modality.EYE))
    for k in range(30):
        bridge.put(arrival(10 * k, 10 * k + 10))

    items = await drain(bridge, 11)

    assert bridge.dropped(Modality.EYE) == 0
    assert bridge.dropped(Modality.EEG) == 20
    assert isinstance(items[0], Arrival)
    assert items[0].modality is Modality.EYE


@async_test
async def test_before_the_session_runs_nothing_is_counted_as_lost() -> None:
    bridge = Bridge(bound_s=BOUND_S)
    for k in range(30):
        bridge.put(arrival(10 * k, 10 * k + 10))
    assert bridge.dropped(Modality.EEG) == 0


@async_test
async def test_an_end_is_never_dropped_and_comes_after_the_chunks() -> None:
    bridge = Bridge(bound_s=BOUND_S)
    bridge.put(arrival(0, 500))
    bridge.put(Ended(Modality.EEG, EndOfStreamError("over")))
    items = bridge.take(1.0)
    assert [type(item) for item in items] == [Arrival, Ended]


@async_test
async def test_chunks_from_threads_arrive_in_order_without_loss() -> None:
    bridge = Bridge(bound_s=1e6)

    def produce(modality: Modality) -> None:
        for k in range(500):
            bridge.put(arrival(k, k + 1, modality))

    threads = [threading.Thread(target=produce, args=(m,)) for m in Modality]
    for thread in threads:
        thread.start()
    items = await drain(bridge, 1000)
    for thread in threads:
        thread.join()

    for modality in Modality:
        mine = [i.chunk for i in items if isinstance(i, Arrival) and i.modality is modality]
        assert [int(chunk.x[0, 0]) for chunk in mine] == list(range(500))


@async_test
async def test_the_bound_holds_while_the_loop_is_busy() -> None:
    bridge = Bridge(bound_s=BOUND_S)
    bridge.start()

    def produce() -> None:
        for k in range(1000):
            bridge.put(arrival(10 * k, 10 * k + 10))

    thread = threading.Thread(target=produce)
    thread.start()
    thread.join()  # the loop is blocked here, and the thread goes on all the same

    assert bridge.dropped(Modality.EEG) == 990
    assert len(await drain(bridge, 10)) == 10


@async_test
async def test_a_closed_bridge_ends_whoever_takes_and_ignores_whoever_puts() -> None:
    bridge = Bridge(bound_s=BOUND_S)
    async with asyncio.TaskGroup() as tasks:
        taking = tasks.create_task(asyncio.to_thread(bridge.take, 60.0))
        await asyncio.sleep(0)
        bridge.close()
    bridge.put(arrival(0, 10))
    assert taking.result() == []
    assert bridge.take(60.0) == []


@async_test
async def test_single_samples_of_a_stream_without_a_rate_are_bounded_too() -> None:
    bridge = Bridge(bound_s=BOUND_S)
    bridge.start()
    irregular = replace(GAZE, rate_hz=0.0)
    for k in range(1000):
        chunk = SampleChunk(irregular, np.array([k / 250.0]), np.zeros((1, 2)))
        bridge.put(Arrival(Modality.EYE, chunk, arrived_s=0.0))
    assert 1000 - bridge.dropped(Modality.EYE) == ASSUMED_RATE_HZ * BOUND_S


@async_test
async def test_samples_that_complete_nothing_wait_for_those_that_may() -> None:
    """A window is due at 0.9 s: who takes hears once of what was held, then of what is due."""
    bridge = Bridge(bound_s=10.0)
    bridge.hold(lambda modality: 0.9)
    taken: list[list[int]] = []
    for k in range(94):  # 100 Hz, sample by sample
        bridge.put(arrival(k, k + 1))
        if bridge.ready:
            items = bridge.take(60.0)
            taken.append([int(i.chunk.x[0, 0]) for i in items if isinstance(i, Arrival)])
    held = HOLD_S * EEG.rate_hz
    assert [t[-1] for t in taken[-4:]] == [90, 91, 92, 93]
    assert [len(t) for t in taken[:-4]] == pytest.approx([held + 1], abs=1)
    assert [k for t in taken for k in t] == list(range(94))


@async_test
async def test_what_comes_too_early_is_left_while_more_comes_and_taken_once_nothing_does() -> None:
    bridge = Bridge(bound_s=10.0)
    bridge.hold(lambda modality: 1e9)
    bridge.put(arrival(0, 1))
    later = threading.Timer(0.05, bridge.put, [arrival(1, 2)])
    later.start()
    assert bridge.take(0.2) == []
    later.join()
    assert len(bridge.take(0.2)) == 2


@async_test
async def test_a_marker_a_gap_and_an_end_are_told_at_once_with_what_was_held() -> None:
    for item in (
        Marked((Marker(0.02, "now"),)),
        replace(arrival(2, 3), chunk=ramp(EEG, 2, 3, gap_before=True)),
        Ended(Modality.EEG, EndOfStreamError("over")),
    ):
        bridge = Bridge(bound_s=10.0)
        bridge.hold(lambda modality: 1e9)
        bridge.put(arrival(0, 1))
        bridge.put(item)
        ready = [bridge.ready]
        assert len(bridge.take(60.0)) == 2
        bridge.put(arrival(3, 4))
        ready.append(bridge.ready)
        assert ready == [True, False]
        assert len(bridge.take(0.001)) == 1
