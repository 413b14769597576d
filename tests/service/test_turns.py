"""What a session's worker does before it troubles the loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import pytest
from support.service import EEG, GAZE, a_prediction, async_test, ramp

from hadua.adapters.sources.source import EndOfStreamError, Marker, SampleChunk
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Bridge, Ended, Item, Marked
from hadua.service.engine import Stepper
from hadua.service.ordering import Ends
from hadua.service.rehearsal import MANY, Worked
from hadua.service.turns import TICK_S, Turn, Turns

ENOUGH = 100


@dataclass
class Counting:
    """A pipeline whose window is over with every `ENOUGH`th sample."""

    seen: int = 0
    steps: list[int] = field(default_factory=list)

    def step(self, modality: Modality, chunk: SampleChunk) -> list[object]:
        before, self.seen = self.seen, self.seen + len(chunk)
        self.steps.append(len(chunk))
        return [a_prediction()] if self.seen // ENOUGH > before // ENOUGH else []


class Early(Counting):
    """Could begin at sample 40 with the window that is over with its hundredth."""

    def due_s(self, modality: Modality, seen_s: float = -inf) -> float:
        return float(ramp(EEG, 0, ENOUGH).t_s[-1])

    def useful_s(self, modality: Modality) -> float:
        return float(ramp(EEG, 0, 41).t_s[-1])

    def next_end_s(self, modality: Modality) -> float:
        return -inf

    def look_s(self, modality: Modality) -> float:
        return 1.0

    @property
    def asks_others(self) -> bool:
        return False

    def ends(self, modality: Modality) -> Ends:
        return Ends(inf, 1.0)


def arrival(start: int, stop: int, modality: Modality = Modality.EEG) -> Arrival:
    chunk = ramp(EEG if modality is Modality.EEG else GAZE, start, stop)
    return Arrival(modality, chunk, float(chunk.t_s[-1]), first=start)


class Desk:
    """Turns, and a thread that delivers to them."""

    def __init__(
        self,
        changed: set[Modality],
        pipeline: Counting | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pipeline, self.bridge = pipeline or Counting(), Bridge(bound_s=60.0)
        self.worked, self.let_through = Worked(), 0
        self._changed = changed
        stepper = Stepper(self.pipeline, clock=clock)  # type: ignore[arg-type]
        stepper._timed = lambda result, trigger_s, taken_s: result  # type: ignore[method-assign,assignment,return-value]
        self.turns = Turns(
            self.bridge,
            self._let,
            stepper,
            loop=asyncio.get_running_loop(),
            worked=self.worked,
        )

    def _let(self, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], set[Modality]]:
        self.let_through += 1
        return list(arrivals), self._changed if arrivals else set()

    @contextmanager
    def delivered(self, items: list[Item], *, every_s: float) -> Iterator[None]:
        def deliver() -> None:
            for item in items:
                self.bridge.put(item)
                time.sleep(every_s)

        thread = threading.Thread(target=deliver)
        thread.start()
        try:
            yield
        finally:
            thread.join()


async def one(desk: Desk, items: list[Item], *, every_s: float = 0.005) -> Turn:
    with desk.delivered(items, every_s=every_s):
        return await asyncio.to_thread(desk.turns.next)


@async_test
async def test_the_loop_hears_of_samples_when_something_came_of_them() -> None:
    desk = Desk(set())
    items: list[Item] = [arrival(k, k + 10) for k in range(0, 100, 10)]

    turn = await one(desk, items)

    assert len(turn.timed) == 1
    assert list(turn.items) == items  # all that was taken on the way
    assert list(turn.arrivals) == items
    assert sum(desk.pipeline.steps) == ENOUGH
    assert desk.let_through > 1


@pytest.mark.parametrize("many", [False, True])
@async_test
async def test_to_begin_early_is_worth_a_step_where_few_are_served(many: bool) -> None:
    desk = Desk(set(), Early(), clock=lambda: 0.0)
    for _ in range(MANY if many else 0):
        desk.worked.note(0.0)
    ready = []
    for k in range(0, 70, 10):
        desk.bridge.put(arrival(k, k + 10))
        ready.append(desk.bridge.ready)
    # With the sample that lets it begin; else with 0.6 s of signal, which are enough in any case.
    assert ready.index(True) == (6 if many else 4)


@async_test
async def test_it_has_its_turn_though_nothing_comes_of_them() -> None:
    desk = Desk(set())
    items: list[Item] = [arrival(k, k + 1) for k in range(60)]
    began_s = time.monotonic()

    turn = await one(desk, items, every_s=TICK_S / 20.0)

    assert not turn.timed
    assert 1 < len(turn.arrivals) < len(items)
    assert time.monotonic() - began_s >= TICK_S  # with what was delivered after its end


@async_test
async def test_it_has_its_turn_though_nothing_comes() -> None:
    desk = Desk(set())
    assert (await one(desk, [])).items == []
    desk.bridge.close()
    assert (await one(desk, [])).items == []


@pytest.mark.parametrize(
    "item",
    [Marked((Marker(0.0, "m"),)), Ended(Modality.EEG, EndOfStreamError("over"))],
    ids=["marker", "end"],
)
@async_test
async def test_what_is_no_sample_is_passed_on_at_once(item: Item) -> None:
    desk = Desk(set())
    turn = await one(desk, [arrival(0, 10), item, *(arrival(k, k + 1) for k in range(10, 60))])
    assert item in turn.items
    assert len(turn.arrivals) < 51


@async_test
async def test_a_stream_that_changed_is_passed_on_at_once() -> None:
    desk = Desk({Modality.EEG})
    turn = await one(desk, [arrival(k, k + 1) for k in range(20)])
    assert turn.changed == {Modality.EEG}
    assert len(turn.arrivals) < 20
