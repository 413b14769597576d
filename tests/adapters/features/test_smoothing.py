import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.features.smoothing import CausalKalman
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Smoothing

SPEC = Smoothing(q=0.01, r=0.5, p0=0.8)


def joint_gaussian(z: FloatArray, present: list[bool], s: Smoothing) -> float:
    """The level after the last window by conditioning one joint Gaussian; no recursion at all."""
    first = present.index(True)
    # Given the first measurement the level is N(z0, p0) and then walks; condition on the later.
    later = [t for t in range(first + 1, len(z)) if present[t]]
    steps = np.array([t - first for t in later], float)
    end = float(len(z) - 1 - first)
    level_level = s.p0 + s.q * np.minimum.outer(steps, steps)
    covariance = level_level + s.r * np.eye(len(later))
    cross = s.p0 + s.q * np.minimum(steps, end)
    return float(z[first] + cross @ np.linalg.solve(covariance, z[later] - z[first]))


@given(
    present=st.lists(st.booleans(), min_size=1, max_size=25).filter(any),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_is_the_conditional_mean_of_the_model(present: list[bool], seed: int) -> None:
    z = np.random.default_rng(seed).standard_normal(len(present)) * 3 + 100
    kalman = CausalKalman(SPEC, 2)

    for value, there in zip(z, present, strict=True):
        # The second feature is always there, so that both paths run side by side.
        level = kalman.update(
            np.array([value if there else np.nan, value]), np.array([there, True])
        )

    assert level[0] == pytest.approx(joint_gaussian(z, present, SPEC), abs=1e-9)
    assert level[1] == pytest.approx(joint_gaussian(z, [True] * len(z), SPEC), abs=1e-9)


def test_gain_settles_at_its_closed_form() -> None:
    kalman = CausalKalman(SPEC, 1)
    there = np.array([True])
    for _ in range(2000):
        kalman.update(np.array([0.0]), there)

    gain = kalman.update(np.array([1.0]), there)[0]

    ratio = SPEC.q / SPEC.r
    assert gain == pytest.approx((np.sqrt(ratio**2 + 4 * ratio) - ratio) / 2, rel=1e-9)


def test_a_level_of_exactly_zero_is_remembered() -> None:
    kalman = CausalKalman(SPEC, 1)
    kalman.update(np.array([0.0]), np.array([True]))

    level = kalman.update(np.array([1.0]), np.array([True]))

    expected = (SPEC.p0 + SPEC.q) / (SPEC.p0 + SPEC.q + SPEC.r)
    assert level[0] == pytest.approx(expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_enters_state(bad: float) -> None:
    kalman = CausalKalman(SPEC, 2)
    kalman.update(np.array([1.0, bad]), np.array([True, True]))

    level = kalman.update(np.array([bad, bad]), np.array([True, True]))

    np.testing.assert_array_equal(level, [1.0, np.nan])
    assert kalman.seen.tolist() == [True, False]


def test_reset_forgets_level_and_variance() -> None:
    z = np.random.default_rng(0).standard_normal((9, 3))
    there = np.ones(3, np.bool_)
    used, fresh = CausalKalman(SPEC, 3), CausalKalman(SPEC, 3)
    for row in z:
        used.update(row * 7, there)
    used.reset()
    assert not used.seen.any()

    for row in z:
        np.testing.assert_array_equal(used.update(row, there), fresh.update(row, there))


def test_returned_levels_are_not_the_state() -> None:
    kalman = CausalKalman(SPEC, 1)
    first = kalman.update(np.array([1.0]), np.array([True]))
    kalman.update(np.array([5.0]), np.array([True]))

    assert first[0] == 1.0


def test_refuses_a_measurement_without_variance() -> None:
    with pytest.raises(InvalidInputError, match="r > 0"):
        CausalKalman(Smoothing(r=0.0), 1)
