"""Turns: no booth waits for what another one has sent before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.service.cluster.fair_queue import FairQueue


def test_booths_take_turns_and_their_own_stay_in_order() -> None:
    line: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        line.put(item[0], item)

    assert [line.take() for _ in range(6)] == ["a1", "b1", "c1", "a2", "c2", "a3"]
    with pytest.raises(IndexError, match="nobody waits"):
        line.take()


@given(
    st.lists(st.sampled_from(["a", "b", "c", "take", "remove"]), max_size=30), st.integers(0, 10)
)
def test_a_place_is_how_many_takes_it_is_from_being_taken(steps: list[str], which: int) -> None:
    line: FairQueue[int] = FairQueue()
    there: list[int] = []
    for k, step in enumerate(steps):
        if step == "take":
            if there:
                there.remove(line.take())
        elif step == "remove":
            gone = there.pop(which % len(there)) if there else -1
            assert line.remove(gone) is (gone >= 0)
        else:
            line.put(step, k)
            there.append(k)
    told = {item: line.place(item) for item in there}

    order = [line.take() for _ in range(len(line))]

    assert told == {item: place for place, item in enumerate(order, start=1)}
    assert line.place(1000) is None
