"""One after the other, first come, first served, and nobody waits for ever."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from support.service import EEG, a_prediction, ramp

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality
from hadua.service.bridge import Arrival
from hadua.service.engine import Foreseeing, Stepper
from hadua.service.in_turn import InTurn
from hadua.service.ordering import ANY_TIME, Ends


def waiting(in_turn: InTurn, n: int) -> None:
    until_s = time.monotonic() + 10.0
    while len(in_turn._waiting) < n:
        assert time.monotonic() < until_s
        time.sleep(0.001)


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    in_turn, came = InTurn(patience_s=30.0), list[int]()

    def take(k: int) -> None:
        with in_turn.turn() as had:
            assert had
            came.append(k)

    with ThreadPoolExecutor(8) as pool, in_turn.turn() as first:
        assert first
        asked = []
        for k in range(8):
            asked.append(pool.submit(take, k))
            waiting(in_turn, k + 1)
    for each in asked:
        each.result()
    assert came == list(range(8))
    with in_turn.turn(late_s=1.0) as had:
        assert had


def test_who_has_waited_for_long_goes_on_without() -> None:
    in_turn = InTurn(patience_s=0.02)
    with in_turn.turn():
        with in_turn.turn() as had:
            assert not had
        with in_turn.turn(late_s=1.0) as had:  # that one took no turn, and gave none back
            assert not had
    with in_turn.turn(late_s=1.0) as had:
        assert had


def test_a_fault_gives_the_turn_back() -> None:
    in_turn = InTurn()
    with pytest.raises(ZeroDivisionError), in_turn.turn():
        raise ZeroDivisionError
    with in_turn.turn(late_s=1.0) as had:
        assert had


def test_none_is_lost_or_had_twice_where_patience_ends_as_it_comes() -> None:
    """Eight threads whose patience is as long as a turn."""
    in_turn = InTurn(patience_s=0.0005)
    inside, most, without = [0], [0], [0]

    def work() -> None:
        for _ in range(200):
            with in_turn.turn() as had:
                if not had:
                    without[0] += 1
                    continue
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0002)
                inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(8)]:
            done.result()
    assert most == [1]
    assert 0 < without[0] < 1600
    with in_turn.turn(late_s=1.0) as had:
        assert had


@dataclass
class Slow:
    """A pipeline whose steps take as long as they are let."""

    step_for: Callable[[], object]
    asks_others: bool = False
    steps: list[int] = field(default_factory=list)

    def step(self, modality: Modality, chunk: SampleChunk) -> list[object]:
        self.step_for()
        self.steps.append(len(chunk))
        return [a_prediction()]

    def due_s(self, modality: Modality, seen_s: float = 0.0) -> float:
        return 0.0

    def useful_s(self, modality: Modality) -> float:
        return 0.0

    def look_s(self, modality: Modality) -> float:
        return 1.0

    def ends(self, modality: Modality) -> Ends:
        return ANY_TIME


def stepper(pipeline: Slow, in_turn: InTurn) -> Stepper:
    assert isinstance(pipeline, Foreseeing)
    one = Stepper(pipeline, clock=time.monotonic, in_turn=in_turn)  # type: ignore[arg-type]
    one._timed = lambda result, trigger_s, taken_s: result  # type: ignore[method-assign,assignment,return-value]
    return one


@pytest.mark.parametrize("asks_others", [False, True])
def test_one_session_steps_at_a_time_but_for_those_that_wait_for_others(asks_others: bool) -> None:
    in_turn, go_on = InTurn(patience_s=30.0), threading.Event()
    arrivals = [Arrival(Modality.EEG, ramp(EEG, 0, 10), time.monotonic())]
    slow, other = Slow(lambda: go_on.wait(10.0)), Slow(lambda: None, asks_others)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(stepper(slow, in_turn).step, arrivals)
        while not in_turn._taken:
            time.sleep(0.001)
        second = pool.submit(stepper(other, in_turn).step, arrivals)
        if asks_others:
            second.result(10.0)
            assert not slow.steps
        else:
            waiting(in_turn, 1)
            assert not other.steps
        go_on.set()
        assert len(first.result()) == len(second.result()) == 1
