import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from hadua.calibration.reliability import N_BINS, calibration_error, reliability
from hadua.calibration.scores import Probabilities
from hadua.models.errors import InvalidInputError


def two_columns(confidence: list[float]) -> Probabilities:
    """Probabilities whose likelier class is 0, with these confidences (0.5 or more)."""
    p = np.array(confidence)
    return np.stack((p, 1.0 - p), axis=1)


def test_error_of_a_case_worked_by_hand() -> None:
    # bins of a tenth: (0.5, 0.6] holds 0.55 right and 0.6 wrong, (0.8, 0.9] holds 0.85 right
    r = reliability(two_columns([0.55, 0.6, 0.85]), np.array([0, 1, 0]), n_bins=10)

    assert r.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 1, 0]
    assert r.error() == pytest.approx((2 * abs(0.575 - 0.5) + abs(0.85 - 1.0)) / 3)


@given(n=st.integers(1, 200), n_classes=st.integers(2, 5), seed=st.integers(0, 50))
def test_the_curve_is_that_of_scikit_learn(n: int, n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(n_classes, 0.7), n)
    y = rng.integers(0, n_classes, n)

    confidence, right, counts = reliability(p, y).curve()

    theirs = calibration_curve(p.argmax(axis=1) == y, p.max(axis=1), n_bins=N_BINS)
    np.testing.assert_allclose(right, theirs[0])
    np.testing.assert_allclose(confidence, theirs[1])
    error = np.abs(theirs[0] - theirs[1]) @ counts / n
    assert calibration_error(p, y) == pytest.approx(error)


@given(cut=st.integers(1, 39), seed=st.integers(0, 20))
def test_two_halves_add_up_to_the_whole(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.dirichlet(np.ones(3), 40), rng.integers(0, 3, 40)

    halves = reliability(p[:cut], y[:cut]) + reliability(p[cut:], y[cut:])

    assert halves.error() == pytest.approx(reliability(p, y).error())


def test_certain_and_right_has_no_error_and_certain_and_wrong_has_all() -> None:
    sure = np.eye(3)[[0, 1, 2, 1]]

    assert calibration_error(sure, np.array([0, 1, 2, 1])) == 0.0
    assert calibration_error(sure, np.array([1, 2, 0, 2])) == 1.0


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    r = reliability(two_columns([0.5, 0.75, 1.0]), np.array([0, 0, 0]), n_bins=4)

    assert r.counts.tolist() == [0, 1, 1, 1]


def test_one_window_is_its_own_bin() -> None:
    assert calibration_error(two_columns([0.7]), np.array([1])) == pytest.approx(0.7)


def test_no_bins_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="bins of a reliability curve: got 0"):
        reliability(two_columns([0.7]), np.array([1]), n_bins=0)
