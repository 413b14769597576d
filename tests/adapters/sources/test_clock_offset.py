"""A remote clock's offset, from measurements of which some are bad."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.adapters.sources.clock_offset import ClockOffset


def test_nothing_is_known_before_the_first_measurement() -> None:
    clock = ClockOffset()
    clock.grow_old(5.0)
    assert (clock.offset_s, clock.uncertainty_s, clock.resets) == (0.0, None, 0)


def test_without_a_doubt_the_newest_counts_and_nothing_is_known_about_it() -> None:
    clock = ClockOffset()
    for k in range(3):
        clock.saw(5.0 + k * 1e-4, None, now_s=2.0 * k)
    assert clock.offset_s == pytest.approx(5.0002)
    assert clock.uncertainty_s is None


def test_on_a_quiet_network_the_newest_counts() -> None:
    clock = ClockOffset()
    for k in range(100):
        clock.saw(7.0 + 20e-6 * 2.0 * k, 1e-4, now_s=2.0 * k)
    assert clock.offset_s == pytest.approx(7.0 + 20e-6 * 198.0)
    assert clock.uncertainty_s == pytest.approx(1e-4)


@given(seed=st.integers(0, 1000))
def test_a_good_measurement_is_not_thrown_away_for_a_bad_one(seed: int) -> None:
    """A wireless network: most probes take 5 to 50 ms, to one side, one in ten 1 ms."""
    rng, drift, clock = np.random.default_rng(seed), 15e-6, ClockOffset()
    worst_ours_s = worst_theirs_s = 0.0
    clock.saw(100.0, 5e-4, now_s=0.0)
    for k in range(1, 120):
        now_s, truth_s = 2.0 * k, 100.0 + drift * 2.0 * k
        way_s = 1e-3 if rng.random() < 0.1 else float(rng.uniform(5e-3, 50e-3))
        measured_s = truth_s + 0.5 * way_s * float(rng.uniform(0.5, 1.0))
        assert not clock.saw(measured_s, way_s, now_s=now_s)
        assert clock.uncertainty_s is not None
        assert abs(clock.offset_s - truth_s) <= clock.uncertainty_s
        worst_ours_s = max(worst_ours_s, abs(clock.offset_s - truth_s))
        worst_theirs_s = max(worst_theirs_s, abs(measured_s - truth_s))
    assert worst_ours_s < 0.5 * worst_theirs_s


@pytest.mark.parametrize("step_s", [0.1, -0.1, 1e5])
def test_a_clock_that_was_reset_is_noticed_and_what_was_known_is_forgotten(step_s: float) -> None:
    clock = ClockOffset()
    for k in range(5):
        assert not clock.saw(3.0, 1e-3, now_s=2.0 * k)

    assert clock.saw(3.0 + step_s, 1e-3, now_s=10.0)
    assert not clock.saw(3.0 + step_s, 1e-3, now_s=12.0)

    assert (clock.offset_s, clock.resets) == (3.0 + step_s, 1)


def test_doubt_grows_while_nobody_answers() -> None:
    clock = ClockOffset()
    clock.saw(3.0, 1e-3, now_s=0.0)
    clock.grow_old(60.0)
    assert clock.uncertainty_s == pytest.approx(1e-3 + 60.0 * 50e-6)
