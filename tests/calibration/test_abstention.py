"""The threshold on populations whose accuracy at each confidence is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from hadua.calibration.abstention import Abstention, choose_threshold, wilson_lower
from hadua.calibration.labelled import IntArray
from hadua.calibration.scores import answered
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray


def windows(
    n: int, *, seed: int = 0, honest: bool = True, lowest: float = 0.5
) -> tuple[FloatArray, IntArray]:
    """Two classes, confidence uniform from `lowest` to 1; honest: right as often as it says."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(lowest, 1.0, n)
    right = rng.random(n) < (confidence if honest else 0.75)
    p = np.stack((confidence, 1.0 - confidence), axis=1)
    return p, np.where(right, 0, 1).astype(np.int64)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 5000), data=st.data())
def test_the_bound_is_wilsons(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    # One-sided 95 % is the lower end of the two-sided 90 %.
    expected = binomtest(hits, n).proportion_ci(0.90, method="wilson").low
    assert wilson_lower(hits, n) == pytest.approx(expected, abs=1e-12)


def test_honest_confidences_are_cut_where_the_mean_above_is_the_target() -> None:
    chosen = choose_threshold(*windows(200_000), target_accuracy=0.85, max_abstained=0.9)

    # Right above t: (t + 1) / 2 = 0.85 at t = 0.7, and 60 % of [0.5, 1] lies above.
    assert chosen.reached
    assert chosen.threshold == pytest.approx(0.70, abs=0.011)
    assert chosen.coverage == pytest.approx(0.6, abs=0.025)
    assert chosen.accuracy == pytest.approx(0.85, abs=0.01)
    assert chosen.accuracy_of_all == pytest.approx(0.75, abs=0.01)


def test_what_it_says_is_what_the_scores_say() -> None:
    p, y = windows(3000)
    chosen = choose_threshold(p, y, target_accuracy=0.8)
    scored = answered(p, y, threshold=chosen.threshold)
    assert (chosen.coverage, chosen.accuracy) == (scored.coverage, scored.accuracy)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 400),
    seed=st.integers(0, 999),
    target=st.floats(0.05, 0.99),
    share=st.floats(0.0, 0.95),
)
def test_never_abstains_on_more_than_the_share(
    n: int, seed: int, target: float, share: float
) -> None:
    chosen = choose_threshold(*windows(n, seed=seed), target_accuracy=target, max_abstained=share)

    assert chosen.coverage >= 1.0 - share - 1e-12
    assert chosen.reached == (chosen.at_least >= target)
    assert chosen.at_least <= chosen.accuracy


def test_a_target_that_is_met_anyway_needs_no_abstention() -> None:
    chosen = choose_threshold(*windows(5000), target_accuracy=0.7)
    assert (chosen.threshold, chosen.coverage, chosen.reached) == (0.0, 1.0, True)


def test_a_few_lucky_windows_cannot_fool_it() -> None:
    p = np.array([[0.9, 0.1]] * 5 + [[0.6, 0.4]] * 5)
    y = np.array([0] * 5 + [1] * 5, dtype=np.int64)
    chosen = choose_threshold(p, y, target_accuracy=0.9)
    assert not chosen.reached, "five of five is no 90 %"


def test_broken_promises_are_rare() -> None:
    """True accuracy above the threshold under target, though it was said to be reached: 5 %."""
    broken = 0
    for seed in range(400):
        chosen = choose_threshold(*windows(300, seed=seed), target_accuracy=0.8, max_abstained=0.9)
        true_accuracy = (max(chosen.threshold, 0.5) + 1.0) / 2.0
        broken += chosen.reached and true_accuracy < 0.8
    assert broken / 400 < 0.08


def test_windows_that_are_alike_count_less() -> None:
    p, y = windows(2000)
    alone = choose_threshold(p, y, target_accuracy=0.8)
    alike = choose_threshold(p, y, target_accuracy=0.8, windows_per_trial=20.0)
    assert alike.at_least - alike.accuracy < alone.at_least - alone.accuracy
    assert alike.threshold >= alone.threshold


def test_an_accuracy_out_of_reach_is_said_and_the_surest_are_answered() -> None:
    chosen = choose_threshold(*windows(5000), target_accuracy=0.99)
    assert not chosen.reached
    assert chosen.coverage == pytest.approx(0.5, abs=0.01)
    assert chosen.accuracy > chosen.accuracy_of_all


@pytest.mark.parametrize("seed", range(3))
def test_confidence_that_means_nothing_is_not_used(seed: int) -> None:
    chosen = choose_threshold(*windows(2000, seed=seed, honest=False), target_accuracy=0.99)
    assert (chosen.threshold, chosen.coverage, chosen.reached) == (0.0, 1.0, False)


def test_one_window_and_constant_confidence() -> None:
    p, y = np.array([[0.5, 0.5]] * 3), np.zeros(3, np.int64)
    one = choose_threshold(p[:1], y[:1], target_accuracy=0.9)
    assert one == Abstention(0.0, 1.0, 1.0, 1.0, wilson_lower(1, 1), reached=False)
    assert choose_threshold(p, y, target_accuracy=0.5).threshold == 0.0


@pytest.mark.parametrize(
    ("settings_given", "message"),
    [
        ((1.0, 0.5, 1.0), "target_accuracy=1.0"),
        ((0.8, 1.0, 1.0), "max_abstained=1.0"),
        ((0.8, 0.5, 0.5), "windows_per_trial=0.5"),
    ],
)
def test_refuses_settings_out_of_range(
    settings_given: tuple[float, float, float], message: str
) -> None:
    target, share, alike = settings_given
    with pytest.raises(InvalidInputError, match=message):
        choose_threshold(
            *windows(10), target_accuracy=target, max_abstained=share, windows_per_trial=alike
        )
