"""One after the other, first come, first served, and nobody waits for ever."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf

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


def free(in_turn: InTurn) -> bool:
    return in_turn._whose is None and not in_turn._waiting


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    in_turn, came = InTurn(patience_s=30.0), list[int]()

    def take(k: int) -> None:
        with in_turn.turn():
            came.append(k)

    with ThreadPoolExecutor(8) as pool, in_turn.turn():
        asked = []
        for k in range(8):
            asked.append(pool.submit(take, k))
            waiting(in_turn, k + 1)
        assert not came
    for each in asked:
        each.result()
    assert came == list(range(8))
    assert free(in_turn)


def test_who_gives_way_is_the_last_of_those_that_wait() -> None:
    in_turn, came = InTurn(patience_s=30.0), list[str]()

    def take(name: str) -> None:
        with in_turn.turn():
            came.append(name)

    with ThreadPoolExecutor(2) as pool, in_turn.turn() as give_way:
        give_way()  # nobody waits
        for k, name in enumerate("ab"):
            pool.submit(take, name)
            waiting(in_turn, k + 1)
        came.append("mine")
        give_way()
        came.append("mine again")
        give_way()
    assert came == ["mine", "a", "b", "mine again"]
    assert free(in_turn)


def test_the_turn_is_taken_from_whom_nobody_sees_end_it() -> None:
    in_turn = InTurn(patience_s=0.02)
    with in_turn.turn():
        began_s = time.monotonic()
        with in_turn.turn():
            assert time.monotonic() - began_s >= 0.02
            with in_turn.turn():
                assert time.monotonic() - began_s >= 0.04
            assert free(in_turn)  # who lost it has nothing to pass on
    assert free(in_turn)


def test_patience_is_with_each_and_not_with_the_queue() -> None:
    """Each has it for 10 ms; who comes last waits for 0.2 s with a patience of 0.1 s."""
    in_turn, inside, most = InTurn(patience_s=0.1), [0], [0]

    def work() -> None:
        with in_turn.turn():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            inside[0] -= 1

    with ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(work) for _ in range(20)]:
            done.result()
    assert most == [1]
    assert free(in_turn)


def test_a_fault_gives_the_turn_back() -> None:
    in_turn = InTurn()
    with pytest.raises(ZeroDivisionError), in_turn.turn():
        raise ZeroDivisionError
    assert free(in_turn)


def test_no_turn_is_lost_where_patience_ends_as_it_comes() -> None:
    """Eight threads whose patience is as long as a turn."""
    in_turn, done = InTurn(patience_s=0.0005), [0] * 8

    def work(k: int) -> None:
        for _ in range(200):
            with in_turn.turn() as give_way:
                time.sleep(0.0002)
                give_way()
                done[k] += 1

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(work, k) for k in range(8)]:
            each.result(60.0)
    assert done == [200] * 8
    assert free(in_turn)


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

    def next_end_s(self, modality: Modality) -> float:
        return -inf

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
        while in_turn._whose is None:
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


def test_a_session_with_much_to_do_lets_others_go_between_its_windows() -> None:
    in_turn, order = InTurn(patience_s=30.0), list[str]()
    began, go_on = threading.Event(), threading.Event()

    def first() -> None:
        order.append("mine")
        began.set()
        go_on.wait(10.0)

    slow, other = Slow(first), Slow(lambda: order.append("other"))
    chunks = [ramp(EEG, 100 * k, 100 * k + 10) for k in range(3)]  # far apart: three pieces
    arrivals = [Arrival(Modality.EEG, chunk, time.monotonic(), 100 * k)
                for k, chunk in enumerate(chunks)]  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        mine = pool.submit(stepper(slow, in_turn).step, arrivals)
        assert began.wait(10.0)
        others = pool.submit(stepper(other, in_turn).step, arrivals[:1])
        waiting(in_turn, 1)
        go_on.set()
        assert len(mine.result(10.0)) == 3
        assert len(others.result(10.0)) == 1
    assert order == ["mine", "other", "mine", "mine"]
