"""What a reader keeps back for a moment is delivered whole, in order, and soon."""

from dataclasses import replace
from itertools import pairwise
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG

from hadua.adapters.sources.source import SampleChunk
from hadua.service.held import HOLD_S, Held


def chunk(first: int, n: int, *, gap_before: bool = False) -> SampleChunk:
    k = np.arange(first, first + n)
    return SampleChunk(EEG, k / 100.0, np.stack((k, -k), axis=1).astype(float), gap_before)


def test_what_is_kept_comes_as_one_with_what_goes_on_from_it() -> None:
    held = Held()
    assert held.hold(chunk(0, 3, gap_before=True), now_s=1.0, arrived_s=1.0)
    assert held.hold(chunk(3, 2), now_s=1.01, arrived_s=1.01)
    assert len(held) == 2
    ((whole, came_s),) = held.release(chunk(5, 1), arrived_s=1.02)
    assert whole.x[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert whole.gap_before
    assert came_s == 1.02
    assert not held
    assert list(held.release()) == []


def test_nothing_is_kept_for_long_or_across_a_gap() -> None:
    held = Held()
    assert held.hold(chunk(0, 1), now_s=1.0, arrived_s=1.0)
    assert not held.hold(chunk(1, 1), now_s=1.0 + HOLD_S, arrived_s=1.0 + HOLD_S)
    assert not held.hold(chunk(3, 1, gap_before=True), now_s=1.01, arrived_s=1.01)
    kept = held.release(chunk(3, 1, gap_before=True), arrived_s=1.04)
    assert [(len(c), came_s) for c, came_s in kept] == [(1, 1.0), (1, 1.04)]
    assert held.hold(chunk(9, 1), now_s=2.0, arrived_s=2.0)
    assert [(c.t_s[0], came_s) for c, came_s in held.release()] == [(0.09, 2.0)]


def test_neither_another_stream_nor_what_steps_back_is_joined() -> None:
    other = replace(chunk(2, 1), spec=replace(EEG, name="another"))
    for later in (other, chunk(0, 1)):
        held = Held()
        assert held.hold(chunk(1, 1), now_s=1.0, arrived_s=1.0)
        assert not held.hold(later, now_s=1.0, arrived_s=1.0)
        assert [c.spec for c, _ in held.release(later)] == [EEG, later.spec]


def test_without_memory_to_join_them_chunks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()
    assert held.hold(chunk(0, 1), now_s=1.0, arrived_s=1.0)
    with monkeypatch.context() as patch:
        patch.setattr("hadua.service.held.joined", Mock(side_effect=MemoryError))
        with pytest.raises(MemoryError):
            list(held.release())
    assert [len(c) for c, _ in held.release()] == [1]


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=30))
def test_every_sample_comes_out_once_and_in_order(steps: list[tuple[int, bool, bool]]) -> None:
    held, out, n = Held(), list[SampleChunk](), 0
    for now, (size, gap_before, wait) in enumerate(steps):
        mine = chunk(n, size, gap_before=gap_before)
        n += size
        if not (wait and held.hold(mine, now_s=0.005 * now, arrived_s=0.005 * now)):
            out += [c for c, _ in held.release(mine)]
    out += [c for c, _ in held.release()]
    assert [x for c in out for x in c.x[:, 0].tolist()] == list(range(n))
    gaps = {int(c.x[0, 0]) for c in out if c.gap_before}
    starts = np.cumsum([0, *(size for size, _, _ in steps)]).tolist()
    assert gaps == {s for s, (_, gap, _) in zip(starts, steps, strict=False) if gap}
    assert all(b.t_s[0] > a.t_s[-1] for a, b in pairwise(out))
