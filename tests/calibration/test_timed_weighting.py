"""Averages over time against sums written out, and what may never happen to a pseudo-label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.calibration.timed_weighting import (
    MIN_SIGMA,
    RATIO_BOUNDS,
    TimedSettings,
    TimedWeighting,
)
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

N = 3
TIMES = st.lists(st.floats(0.5, 300.0), min_size=1, max_size=20)


def soft(n: int, seed: int = 0, *, sharp: float = 2.0) -> FloatArray:
    logits = sharp * np.random.default_rng(seed).standard_normal((n, N))
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def sure(label: int, confidence: float = 0.9) -> FloatArray:
    p = np.full(N, (1.0 - confidence) / (N - 1))
    p[label] = confidence
    return p


def fed(labels: list[int], *, dt_s: float = 12.0) -> TimedWeighting:
    weighting = TimedWeighting(N)
    for label in labels:
        weighting.observe(sure(label), dt_s=dt_s)
    return weighting


@given(dts_s=TIMES, seed=st.integers(0, 99))
def test_they_are_the_weighted_sums_written_out(dts_s: list[float], seed: int) -> None:
    settings = TimedSettings(tau_s=90.0, prior_s=20.0)
    weighting, seen = TimedWeighting(N, settings), soft(len(dts_s), seed)
    for p, dt_s in zip(seen, dts_s, strict=True):
        weighting.observe(p, dt_s=dt_s)

    ages_s = np.cumsum(dts_s[::-1])[::-1] - dts_s  # of the end of each, at the end
    w = np.r_[20.0 * np.exp(-np.sum(dts_s) / 90.0), dts_s * np.exp(-ages_s / 90.0)]
    shares = np.vstack((np.full(N, 1.0 / N), seen))
    confidence = np.r_[1.0 / N, seen.max(axis=1)]
    mean = (w * confidence).sum() / w.sum()
    variance = (w[0] * 1.0 + (w * (confidence - mean) ** 2).sum()) / w.sum()

    np.testing.assert_allclose(weighting.class_distribution, w @ shares / w.sum(), rtol=1e-9)
    assert weighting.mean == pytest.approx(mean, rel=1e-9)
    assert weighting.variance == pytest.approx(variance, rel=1e-9)


@given(seed=st.integers(0, 99))
def test_trust_is_whole_from_the_mean_on_and_gaussian_below(seed: int) -> None:
    weighting = TimedWeighting(N)
    for p in soft(8, seed):
        weighting.observe(p, dt_s=12.0)
    asked = soft(30, seed + 100, sharp=1.0)
    confidence, weights = asked.max(axis=1), weighting.weight(asked)
    sigma = max(np.sqrt(weighting.variance), MIN_SIGMA) / weighting.settings.n_sigma

    above = confidence >= weighting.mean
    np.testing.assert_array_equal(weights[above], 1.0)
    below = np.exp(-((confidence - weighting.mean) ** 2) / (2.0 * sigma**2))[~above]
    np.testing.assert_allclose(weights[~above], below, rtol=1e-12)


def test_equal_confidences_do_not_turn_trust_into_a_threshold() -> None:
    weighting = fed([0, 1] * 200)  # all of them 0.9 sure

    assert weighting.variance < MIN_SIGMA**2
    assert weighting.weight(sure(0, 0.89)[None])[0] > 0.9


def test_a_stretch_of_one_class_is_no_collapse() -> None:
    weighting, asked = fed([1] * 50), soft(20)

    assert weighting.alpha == 0.0
    np.testing.assert_allclose(weighting.align(asked), asked, rtol=1e-12)


def test_a_single_stray_prediction_aligns_nothing() -> None:
    assert fed([1] * 30 + [0] + [1] * 30).alpha == 0.0


def test_alignment_grows_with_the_changes_that_were_seen() -> None:
    found = [fed([0, 1] * n).alpha for n in (1, 2, 5, 20)]
    most = TimedSettings().alpha_max

    assert found == sorted(found)
    assert 0.0 < found[0] < found[-1] < most


@given(seed=st.integers(0, 99), labels=st.lists(st.integers(0, N - 1), max_size=30))
def test_what_is_aligned_stays_a_distribution_and_within_bounds(
    seed: int, labels: list[int]
) -> None:
    asked = soft(10, seed)
    aligned = fed(labels).align(asked)
    ratio = (aligned / asked) / (aligned / asked)[:, :1]

    np.testing.assert_allclose(aligned.sum(axis=1), 1.0, rtol=1e-12)
    lowest, highest = RATIO_BOUNDS
    assert (ratio <= highest / lowest + 1e-9).all()
    assert (ratio >= lowest / highest - 1e-9).all()


def test_it_moves_toward_the_rarer_class() -> None:
    weighting = fed([0, 0, 0, 1] * 10)
    even = np.full((1, N), 1.0 / N)

    aligned = weighting.align(even)[0]

    assert weighting.alpha > 0.0
    assert aligned[1] > aligned[0]


@pytest.mark.parametrize(
    "p", [[0.5, 0.5], [0.6, 0.6, 0.6], [-0.1, 0.6, 0.5], [np.nan, 0.5, 0.5], [np.inf, 0.0, 0.0]]
)
def test_what_is_no_distribution_is_refused_and_changes_nothing(p: list[float]) -> None:
    weighting = fed([0, 1])
    before = (weighting.mean, weighting.variance, weighting.class_distribution.tolist())

    with pytest.raises(InvalidInputError, match="probabilities that sum to 1"):
        weighting.observe(np.array(p), dt_s=1.0)

    after = (weighting.mean, weighting.variance, weighting.class_distribution.tolist())
    assert after == before


@pytest.mark.parametrize("dt_s", [0.0, -1.0, float("nan"), float("inf")])
def test_no_time_is_refused(dt_s: float) -> None:
    with pytest.raises(InvalidInputError, match="expected above 0"):
        TimedWeighting(N).observe(sure(0), dt_s=dt_s)


def test_settings_and_classes_that_make_no_sense_are_refused() -> None:
    for broken in ({"tau_s": 0.0}, {"prior_s": -1.0}, {"alpha_max": 1.5}, {"changes": 0.0}):
        with pytest.raises(InvalidInputError, match="positive times, alpha from 0 to 1"):
            TimedSettings(**broken)
    with pytest.raises(InvalidInputError, match="got 1 classes"):
        TimedWeighting(1)
