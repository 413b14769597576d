"""Every window is answered, whatever the pool does, and every answer says where it is from."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from support.service import FakeRuntime

from hadua.models.errors import BundleError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array
from hadua.service.cluster.link import LATE_IN_A_ROW, Outcome, PoolLink, PoolState
from hadua.service.cluster.pooled_runtime import PooledRuntime
from hadua.service.cluster.remote import Inferred, PoolError, PoolLateError, PoolRefusedError

BUDGET_S = 0.2
Given = tuple[Float32Array, Float32Array, BoolArray]


class FakePool:
    """Answers as the booth's own network does, plus nothing; may be slow, wrong or gone."""

    address = "http://pool:1"

    def __init__(self, behave: Callable[[int], None] = lambda k: None) -> None:
        self.asked: list[float] = []
        self._behave = behave

    def infer(
        self, eeg: Float32Array, eye: Float32Array, present: BoolArray, *, within_s: float
    ) -> Inferred:
        self.asked.append(float(eeg[0, -1, 0]))
        self._behave(len(self.asked) - 1)
        return Inferred(FakeRuntime().logits(eeg, eye, present), "pool, replica 1")

    def close(self) -> None:
        pass


def window(k: int) -> Given:
    return (
        np.full((1, 2, 3), k, np.float32),
        np.zeros((1, 2, 0), np.float32),
        np.ones((1, 2, 2), np.bool_),
    )


@contextmanager
def pooled(
    pool: FakePool, look: Callable[[], None] = lambda: None
) -> Iterator[tuple[PooledRuntime, PoolLink]]:
    link = PoolLink(pool.address, look=look)
    link.start()
    assert link.looked.wait(10.0)
    runtime = PooledRuntime(FakeRuntime(), pool, link, budget_s=BUDGET_S)
    try:
        yield runtime, link
    finally:
        runtime.close()
        link.close()


def answered(runtime: PooledRuntime, n: int) -> list[str]:
    """Ask n times; every answer is the right one, and where each is from."""
    where = []
    for k in range(n):
        assert runtime.logits(*window(k)).tolist() == [[float(k), 0.0]]
        where.append(runtime.where)
    return where


def test_a_pool_that_answers_is_said_to() -> None:
    pool = FakePool()
    with pooled(pool) as (runtime, link):
        assert answered(runtime, 5) == ["pool, replica 1"] * 5

    assert pool.asked == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert link.counts() == {Outcome.POOL: 5}


def test_a_pool_that_goes_away_is_not_asked_again_until_it_was_looked_at() -> None:
    def gone(k: int) -> None:
        if k == 2:
            raise PoolError("pool 'x' does not answer", got="reset")

    with pooled(FakePool(gone)) as (runtime, link):
        where = answered(runtime, 6)

    assert where[:3] == ["pool, replica 1", "pool, replica 1", "here: pool failed"]
    assert where[3:] == ["here: pool away"] * 3
    assert link.state is PoolState.AWAY
    assert "does not answer" in link.reason


def test_a_late_answer_is_nobodys_and_the_next_window_does_not_wait_for_it() -> None:
    gate = threading.Event()

    def late(k: int) -> None:
        if k == 0:
            gate.wait(10.0)

    pool = FakePool(late)
    with pooled(pool) as (runtime, link):
        assert answered(runtime, 3) == ["here: pool late", "here: pool busy", "here: pool busy"]
        gate.set()
        for _ in range(100):
            if answered(runtime, 1) == ["pool, replica 1"]:
                break

    assert link.state is PoolState.ANSWERING
    assert link.counts()[Outcome.LATE] == 1


def test_a_pool_that_is_always_late_is_left_alone() -> None:
    def late(k: int) -> None:
        raise PoolLateError("pool 'x'", got="no answer")

    with pooled(FakePool(late)) as (runtime, link):
        where = answered(runtime, LATE_IN_A_ROW + 2)

    assert where == ["here: pool late"] * LATE_IN_A_ROW + ["here: pool away"] * 2
    assert link.state is PoolState.LATE


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (PoolError("pool 'x' does not answer", got="refused"), PoolState.AWAY),
        (PoolLateError("pool 'x'", got="no answer"), PoolState.LATE),
        (PoolRefusedError("pool 'x' refuses", got="status 401", status=401), PoolState.REFUSED),
    ],
)
def test_a_pool_that_is_not_well_is_not_asked(error: PoolError, state: PoolState) -> None:
    def look() -> None:
        raise error

    pool = FakePool()
    with pooled(pool, look) as (runtime, link):
        assert answered(runtime, 2) == ["here: pool away"] * 2

    assert pool.asked == []
    assert (link.state, link.reason) == (state, str(error))


def test_a_look_that_fails_for_a_reason_of_this_booth_is_not_the_last() -> None:
    """Its own network, which the pool's is compared with, may not load."""

    def look() -> None:
        raise BundleError("bundle", got="no model.onnx")

    with pooled(FakePool(), look) as (runtime, link):
        assert (link.state, link.reason) == (PoolState.AWAY, "bundle: got no model.onnx.")
        assert answered(runtime, 1) == ["here: pool away"]
        link.looked.clear()
        assert link.looked.wait(10.0)
