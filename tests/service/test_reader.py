"""What a reader delivers together, and that one that is told to stop says nothing more."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from support.service import EEG, FakeMarkedSource, FakeSource, ramp, ramps

from hadua.adapters.sources.source import Marker, SampleChunk, Source, SourceHealth, StreamSpec
from hadua.models.errors import HaduaError, StreamLostError
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Ended, Item, Marked
from hadua.service.held import HOLD_S
from hadua.service.reader import ReaderThread
from hadua.service.watch import StreamWatch


def test_a_reader_told_to_stop_while_it_opens_does_not_report_the_stream() -> None:
    """Whoever would be told may be gone by the time the device answers."""
    found, delivered = list[StreamSpec | Exception](), list[Item]()
    gate = threading.Event()
    source = FakeSource(ramps(EEG, 3), open_gate=gate)
    reader = ReaderThread(
        source,
        modality=Modality.EEG,
        opened=lambda _, spec: found.append(spec),
        deliver=delivered.append,
        watch=StreamWatch(stale_s=1.0, clock=lambda: 0.0),
        clock=lambda: 0.0,
        wait_s=10.0,
    )
    reader.start()
    reader.stop()
    gate.set()

    assert reader.join(5.0)
    assert source.closed.is_set()
    assert (found, delivered) == ([], [])


Script = Iterable[SampleChunk | Exception | threading.Event]


class Kept(FakeMarkedSource):
    """Keeps what comes until it is read."""

    rests = True

    def __init__(self, script: Script) -> None:
        super().__init__(script, markers=[Marker(0.045, "early"), Marker(0.075, "later")])


def read_all(
    source: Source,
    *,
    due_s: float = -inf,
    may_wait: Callable[[float], bool] = lambda at_s: False,
    clock: Callable[[], float] = lambda: 0.0,
    items: list[Item] | None = None,
) -> list[Item]:
    """What a reader delivers whose pipeline has something to do with samples from `due_s` on."""
    items, over = [] if items is None else items, threading.Event()

    def deliver(item: Item) -> None:
        items.append(item)
        if isinstance(item, Ended):
            over.set()

    reader = ReaderThread(
        source,
        modality=Modality.EEG,
        opened=lambda _, found: None,
        deliver=deliver,
        watch=StreamWatch(stale_s=10.0, clock=clock),
        clock=clock,
        wait_s=1.0,
    )
    reader.pace(lambda seen_s: due_s, lambda: due_s, may_wait=may_wait)
    reader.start()
    assert over.wait(10.0)
    assert reader.join(5.0)
    return items


def delivered(
    script: Script, may_wait: Callable[[float], bool], *, clock: Callable[[], float] = lambda: 0.0
) -> list[Item]:
    """By a reader whose pipeline may always have something to do."""
    return read_all(Kept(script), may_wait=may_wait, clock=clock)


def samples(items: Iterable[Item]) -> list[list[float]]:
    """Of each chunk, checking that they are counted on."""
    chunks = [item for item in items if isinstance(item, Arrival)]
    sizes = [len(c.chunk) for c in chunks]
    assert [c.first for c in chunks] == [sum(sizes[:k]) for k in range(len(sizes))]
    return [c.chunk.x[:, 0].tolist() for c in chunks]


def before(stamp_s: float) -> Callable[[float], bool]:
    return lambda at_s: at_s < stamp_s - 1e-9


def test_what_may_wait_is_delivered_with_what_may_not() -> None:
    script = ramps(EEG, 4, size=3)
    items = delivered(script, lambda at_s: not np.isclose(at_s, 0.08))  # the third's last sample
    assert samples(items) == [[0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11]]
    texts = [m.text for item in items if isinstance(item, Marked) for m in item.markers]
    assert texts == ["early", "later"]
    assert isinstance(items[0], Marked)  # before the chunk in whose time they lie
    assert samples(delivered(ramps(EEG, 4, size=3), lambda at_s: False)) == [
        list(range(k, k + 3)) for k in range(0, 12, 3)
    ]


def test_what_is_held_when_a_stream_ends_is_delivered_before_that() -> None:
    items = delivered([*ramps(EEG, 2, size=2), HaduaError("a device that is gone")], before(9.0))
    assert samples(items) == [[0, 1, 2, 3]]
    assert isinstance(items[-1], Ended)


class Timed:
    """A clock, and a source whose reads take until the times of a script.

    Args:
        script: When each read ends, with what, and whether the source rests then.
    """

    description = "timed"

    def __init__(self, script: list[tuple[float, SampleChunk | Exception | None, bool]]) -> None:
        self.now_s, self.rests = 0.0, True
        self.patience_s = list[float]()
        self._script = script

    def open(self, timeout_s: float) -> StreamSpec:
        return EEG

    def read(self, timeout_s: float) -> SampleChunk | None:
        if not self._script:
            raise HaduaError("it is over")
        self.patience_s.append(timeout_s)
        self.now_s, what, self.rests = self._script.pop(0)
        if isinstance(what, Exception):
            raise what
        return what

    def health(self) -> SourceHealth:
        return SourceHealth()

    def close(self) -> None:
        pass


def arrivals(
    source: Timed, *, due_s: float, may_wait: Callable[[float], bool] = lambda at_s: False
) -> list[tuple[int, float]]:
    """How many samples were delivered together, and when they arrived, as is said."""
    items = read_all(source, due_s=due_s, may_wait=may_wait, clock=lambda: source.now_s)
    samples(items)
    return [(len(i.chunk), round(i.arrived_s, 6)) for i in items if isinstance(i, Arrival)]


def test_what_came_in_a_rest_is_said_to_have_come_at_the_earliest() -> None:
    first, later = ramp(EEG, 100, 101), ramp(EEG, 101, 121)
    source = Timed([(1.0, first, True), (1.3, later, True)])
    assert arrivals(source, due_s=1.1) == [(1, 1.0), (20, 1.1)]  # none was ever late
    assert source.patience_s == [0.2, 0.0]  # what came in a rest is there
    # Also where more waits in the source, which does not rest then.
    source = Timed([(1.0, first, True), (1.3, later, False)])
    assert arrivals(source, due_s=1.1) == [(1, 1.0), (20, 1.1)]


@pytest.mark.parametrize("nothing", [None, StreamLostError("a pulled cable")])
def test_what_came_while_the_reader_was_awake_came_when_it_was_read(
    nothing: Exception | None,
) -> None:
    script = [(1.0, ramp(EEG, 100, 101), True), (1.1, nothing, True)]
    source = Timed([*script, (3.5, ramp(EEG, 101, 121), True)])
    assert arrivals(source, due_s=1.1) == [(1, 1.0), (20, 3.5)]


def test_what_is_held_is_delivered_before_a_rest_and_before_what_comes_after_it() -> None:
    one, two, three = (ramp(EEG, k, k + 1) for k in (100, 101, 102))
    waits = before(1.015)
    # At 1.0 the next sample may be due at once; where that is far, the reader rests.
    source = Timed([(1.0, one, True), (1.01, two, True), (1.02, three, True)])
    assert arrivals(source, due_s=1.012, may_wait=waits) == [(3, 1.02)]
    assert source.patience_s == [0.2, HOLD_S, HOLD_S]
    source = Timed([(1.0, one, True), (1.01, two, False), (1.02, three, True)])
    assert arrivals(source, due_s=1.012, may_wait=waits) == [(2, 1.01), (1, 1.02)]
    source = Timed([(1.0, one, True), (1.01, two, True), (1.02, three, True)])
    assert arrivals(source, due_s=1.2, may_wait=before(9.0))[0] == (1, 1.0)


def test_what_is_held_does_not_wait_for_what_comes_after_silence() -> None:
    one, two = (ramp(EEG, k, k + 1) for k in (100, 101))
    source = Timed([(1.0, one, True), (1.03, None, True), (1.04, two, True)])
    assert arrivals(source, due_s=1.005, may_wait=before(1.005)) == [(1, 1.0), (1, 1.04)]


def test_what_is_held_is_delivered_before_a_lost_stream_is_looked_for() -> None:
    """That may take minutes."""
    items, delivered_at_open = list[Item](), list[int]()

    class Reopened(Timed):
        def open(self, timeout_s: float) -> StreamSpec:
            delivered_at_open.append(len(items))
            return super().open(timeout_s)

    lost = StreamLostError("a pulled cable")
    source = Reopened([(1.0, ramp(EEG, 100, 101), True), (1.01, lost, True)])
    read_all(source, due_s=1.005, may_wait=before(1.005), clock=lambda: source.now_s, items=items)
    assert delivered_at_open == [0, 1]


def test_what_is_held_and_not_joined_keeps_its_own_time() -> None:
    later = ramp(EEG, 105, 106, gap_before=True)
    source = Timed([(1.0, ramp(EEG, 100, 101), True), (1.02, later, True)])
    assert arrivals(source, due_s=1.005, may_wait=before(1.005)) == [(1, 1.0), (1, 1.02)]


def test_irregular_samples_are_not_held() -> None:
    """The last of a window is known by the one that comes after it."""
    spec = replace(EEG, rate_hz=0.0)
    one, two = (replace(ramp(EEG, k, k + 1), spec=spec) for k in (100, 101))
    source = Timed([(1.0, one, True), (1.01, two, True)])
    assert arrivals(source, due_s=1.005, may_wait=before(1.005)) == [(1, 1.0), (1, 1.01)]


def test_a_gap_is_not_joined_over() -> None:
    script = [ramp(EEG, 0, 2), ramp(EEG, 5, 7, gap_before=True), ramp(EEG, 7, 9)]
    items = delivered(script, before(0.08))
    assert samples(items) == [[0, 1], [5, 6], [7, 8]]
    assert [i.chunk.gap_before for i in items if isinstance(i, Arrival)] == [False, True, False]


def test_nothing_waits_for_what_does_not_come_in_time() -> None:
    ticks = iter(np.arange(0.0, 100.0, 0.012).tolist())
    items = delivered(ramps(EEG, 6, size=1), before(9.0), clock=lambda: next(ticks))
    sizes = list(map(len, samples(items)))
    assert sum(sizes) == 6
    assert 1 < max(sizes) < 6
