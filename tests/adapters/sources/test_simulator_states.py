"""Schedules: whatever is asked in whatever order, the same blocks, without holes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.adapters.sources.simulated_states import (
    STATES,
    BlockSchedule,
    DemoSchedule,
    parse_schedule,
)
from hadua.models.errors import UsageError


@given(seed=st.integers(0, 10_000))
def test_the_demo_rests_and_then_changes_state_every_20_to_40_s(seed: int) -> None:
    schedule = DemoSchedule(seed, rest_s=30.0)
    block = schedule.block_at(0.0)
    assert (block.state, block.start_s, block.end_s) == ("neutral", 0.0, 30.0)
    seen = set()
    for _ in range(12):
        following = schedule.block_at(block.end_s)
        assert following.start_s == pytest.approx(block.end_s)
        assert following.state != block.state
        assert 20.0 - 1e-6 <= following.end_s - following.start_s <= 40.0 + 1e-6
        middle_s = (following.start_s + following.end_s) / 2
        assert schedule.block_at(middle_s) == following
        seen.add(following.state)
        block = following
    assert seen == set(STATES)


@given(t_s=st.floats(0, 1e5))
def test_given_blocks_repeat(t_s: float) -> None:
    schedule = BlockSchedule((("neutral", 2.0), ("positive", 3.0)))
    block = schedule.block_at(t_s)
    assert block.start_s <= t_s < block.end_s or t_s == pytest.approx(block.end_s)
    if 1e-6 < t_s % 5.0 < 2.0 - 1e-6:
        assert block.state == "neutral"


def test_schedules_are_read_from_text() -> None:
    assert parse_schedule("demo", seed=3) == DemoSchedule(3)
    assert parse_schedule("demo*12", seed=3) == DemoSchedule(3, 12.0)
    blocks = BlockSchedule((("neutral", 60.0), ("negative", 30.0)))
    assert parse_schedule("neutral*60|negative*30", seed=3) == blocks
    with pytest.raises(UsageError, match="at least one block"):
        BlockSchedule(())
