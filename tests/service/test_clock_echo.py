"""The true offset is never farther from the estimate than its uncertainty says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.service.clock_echo import Echo, estimate

delays_s = st.floats(0.0, 2.0)


def echo(at_s: float, *, offset_s: float, there_s: float, service_s: float, back_s: float) -> Echo:
    """An exchange as it would be if everything were known."""
    received_s = at_s + offset_s + there_s
    replied_s = received_s + service_s
    return Echo(at_s, received_s, replied_s, replied_s - offset_s + back_s)


@given(
    offset_s=st.floats(-1e5, 1e5),
    ways=st.lists(st.tuples(st.floats(0, 1e4), delays_s, delays_s, delays_s), min_size=1),
)
def test_the_true_offset_lies_within_the_uncertainty(
    offset_s: float, ways: list[tuple[float, float, float, float]]
) -> None:
    echoes = [
        echo(at_s, offset_s=offset_s, there_s=there_s, service_s=service_s, back_s=back_s)
        for at_s, there_s, service_s, back_s in ways
    ]
    found = estimate(echoes)
    assert abs(found.offset_s - offset_s) <= found.uncertainty_s + 1e-9
    least = min(there_s + back_s for _, there_s, _, back_s in ways) / 2.0
    assert found.uncertainty_s == pytest.approx(least, abs=1e-9)


def test_equal_ways_give_the_exact_offset() -> None:
    found = estimate([echo(5.0, offset_s=100.0, there_s=0.25, service_s=0.5, back_s=0.25)])
    assert (found.offset_s, found.uncertainty_s) == (100.0, 0.25)


def test_nothing_was_asked() -> None:
    with pytest.raises(ValueError, match="empty"):
        estimate([])
