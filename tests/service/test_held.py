"""What a reader keeps back for a moment is delivered whole, in order, and soon."""

from itertools import pairwise

import numpy as np
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
    assert held.hold(chunk(0, 3, gap_before=True), now_s=1.0)
    assert held.hold(chunk(3, 2), now_s=1.01)
    assert len(held) == 2
    (whole,) = held.release(chunk(5, 1))
    assert whole.x[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert whole.gap_before
    assert not held
    assert list(held.release()) == []


def test_nothing_is_kept_for_long_or_across_a_gap() -> None:
    held = Held()
    assert held.hold(chunk(0, 1), now_s=1.0)
    assert not held.hold(chunk(1, 1), now_s=1.0 + HOLD_S)
    assert not held.hold(chunk(3, 1, gap_before=True), now_s=1.01)
    assert [len(c) for c in held.release(chunk(3, 1, gap_before=True))] == [1, 1]
    assert held.hold(chunk(9, 1), now_s=2.0)  # the time of the first that is kept counts
    assert [c.t_s[0] for c in held.release()] == [0.09]


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=30))
def test_every_sample_comes_out_once_and_in_order(steps: list[tuple[int, bool, bool]]) -> None:
    held, out, n = Held(), list[SampleChunk](), 0
    for now, (size, gap_before, wait) in enumerate(steps):
        mine = chunk(n, size, gap_before=gap_before)
        n += size
        if not (wait and held.hold(mine, now_s=0.005 * now)):
            out += held.release(mine)
    out += held.release()
    assert [x for c in out for x in c.x[:, 0].tolist()] == list(range(n))
    gaps = {int(c.x[0, 0]) for c in out if c.gap_before}
    starts = np.cumsum([0, *(size for size, _, _ in steps)]).tolist()
    assert gaps == {s for s, (_, gap, _) in zip(starts, steps, strict=False) if gap}
    assert all(b.t_s[0] > a.t_s[-1] for a, b in pairwise(out))
