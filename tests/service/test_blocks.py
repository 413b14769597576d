"""Where the block will end that has a sample, told by the blocks that came before."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.service.blocks import Blocks


def seen(ends_s: np.ndarray, *, as_it_came: bool = True) -> Blocks:
    blocks = Blocks()
    for end_s in ends_s.tolist():
        blocks.saw(end_s, as_it_came=as_it_came)
    return blocks


def test_nothing_is_foretold_before_a_few_blocks_were_waited_for() -> None:
    assert Blocks().end_from(3.0) == 3.0
    ends_s = np.arange(30) * 0.02
    assert seen(ends_s[:4]).end_from(0.09) == 0.09
    assert seen(ends_s[:4]).length_s == inf
    assert seen(ends_s, as_it_came=False).end_from(0.7) == 0.7  # each may be many at once


@given(
    length_ms=st.floats(1.0, 100.0),
    offset_s=st.floats(-5.0, 5.0),
    ahead=st.floats(0.2, 50.0),
)
def test_even_blocks_are_foretold(length_ms: float, offset_s: float, ahead: float) -> None:
    length_s = length_ms / 1e3
    ends_s = offset_s + np.arange(12) * length_s
    due_s = float(ends_s[-1]) + ahead * length_s
    true_s = float(ends_s[-1]) + np.ceil(ahead) * length_s
    told_s = seen(ends_s).end_from(due_s)
    assert due_s <= told_s <= true_s + 1e-6
    if 0.11 < ahead % 1.0 < 0.89:  # else it may be the block before that just has it
        assert told_s == pytest.approx(true_s, abs=1e-6)


@given(
    lengths_ms=st.lists(st.integers(1, 40), min_size=12, max_size=12),
    ahead_s=st.floats(0.001, 0.5),
)
def test_of_whatever_blocks_nothing_is_foretold_from_before_what_is_due(
    lengths_ms: list[int], ahead_s: float
) -> None:
    """Nor from later than a block after it."""
    ends_s = np.cumsum(lengths_ms) / 1e3
    blocks = seen(ends_s)
    due_s = float(ends_s[-1]) + ahead_s
    assert due_s <= blocks.end_from(due_s) <= due_s + blocks.length_s


def test_a_block_that_was_read_in_two_parts_makes_the_reader_come_early_and_not_late() -> None:
    """The rest of it is the end of a block; its first part looks like one."""
    blocks = seen(np.arange(20) * 0.02)
    blocks.saw(0.387, as_it_came=False)
    assert blocks.end_from(0.475) == pytest.approx(0.48)
    blocks.saw(0.392, as_it_came=False)
    assert 0.491 <= blocks.end_from(0.491) <= 0.5 + 1e-9


def test_a_block_that_was_held_up_and_came_with_the_next_does_not_lengthen_them() -> None:
    blocks = seen(np.arange(12) * 0.02)
    blocks.saw(0.26, as_it_came=True)
    assert blocks.length_s == pytest.approx(0.02)


def test_what_is_due_already_or_far_away_is_not_foretold() -> None:
    blocks = seen(np.arange(20) * 0.02)
    assert blocks.end_from(0.38) == 0.38
    assert blocks.end_from(-inf) == -inf
    assert blocks.end_from(inf) == inf
    assert blocks.end_from(9.003) == 9.003
