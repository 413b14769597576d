"""Each bound: a scenario that crosses it, and its neighbour that does not."""

import numpy as np
import pytest

from hadua.calibration.guard import NOVELTY_CAP, Breach, Guard
from hadua.calibration.online_settings import GuardSettings
from hadua.models.features import FloatArray

SURE, UNSURE = np.array([0.98, 0.01, 0.01]), np.array([0.4, 0.3, 0.3])
EVEN, OTHER = np.full(3, 1.0 / 3.0), np.array([0.01, 0.98, 0.01])
BROKEN = np.array([np.nan, 0.5, 0.5])


def guard(*, check_accuracy: float | None = None) -> Guard:
    return Guard(3, GuardSettings(), check_accuracy=check_accuracy)


def bound(breach: Breach | None) -> str:
    return "" if breach is None else breach.bound


def watched(mine: FloatArray, start: FloatArray, *, pieces: int, dt_s: float = 12.0) -> str:
    watching, found = guard(), ""
    for _ in range(pieces):
        found = found or bound(watching.observe(mine, start, dt_s=dt_s))
    return found


def test_with_the_bound_of_the_cap_nobody_is_somebody_else() -> None:
    far = np.full(20, 100.0)
    assert Guard(3, GuardSettings()).recognise(far, windows=36) is not None
    anybody = GuardSettings(most_novelty=NOVELTY_CAP)
    assert Guard(3, anybody).recognise(far, windows=36) is None


def test_only_what_is_sure_enough_may_teach() -> None:
    assert guard().may_teach(SURE)
    assert not guard().may_teach(EVEN)
    assert not guard().may_teach(UNSURE)


def test_a_model_that_runs_away_from_its_start_is_noticed() -> None:
    assert watched(SURE, OTHER, pieces=30) == "divergence"


def test_one_odd_piece_is_no_divergence_and_growing_surer_is_none() -> None:
    assert watched(SURE, OTHER, pieces=1, dt_s=48.0) == ""
    assert watched(SURE, UNSURE, pieces=100) == ""
    assert watched(SURE, SURE, pieces=100) == ""


def test_the_average_of_the_divergence_is_the_one_written_out() -> None:
    """An end that lies by the clock: it does not matter how often somebody looks."""
    tau_s, kl = GuardSettings().tau_s, float((SURE * np.log(SURE / OTHER)).sum())
    watching, n = guard(), 0
    while watching.observe(SURE, OTHER, dt_s=6.0) is None:
        n += 1
    mass = [6.0 * np.exp(-6.0 * k / tau_s) for k in range(n + 1)]
    prior = tau_s * np.exp(-6.0 * (n + 1) / tau_s)
    shares = [sum(mass[:k]) / (sum(mass[:k]) + p) for k, p in ((n, prior), (n + 1, prior))]
    assert kl * shares[0] <= GuardSettings().most_divergence * 1.05
    assert kl * shares[1] > GuardSettings().most_divergence


def test_classes_that_were_told_apart_and_are_not_any_more_are_a_collapse() -> None:
    assert bound(guard().compare(SURE, EVEN)) == "spread"
    assert "of the greatest entropy" in (guard().compare(SURE, EVEN) or Breach("", "")).words


def test_a_stream_of_one_class_is_none() -> None:
    assert guard().compare(SURE, SURE) is None
    assert guard().compare(SURE, np.array([0.85, 0.1, 0.05])) is None
    assert guard().compare(EVEN, EVEN) is None


def test_forgetting_the_source_is_noticed() -> None:
    watching = guard(check_accuracy=0.8)
    assert bound(watching.check(0.5)) == "check set"
    assert watching.check(0.6) is None
    assert watching.check(0.9) is None
    assert guard().check(0.0) is None


def test_somebody_else_in_the_chair_is_noticed_and_goes_back_to_the_start() -> None:
    breach = guard().recognise(np.full(40, 1.2), windows=36)
    assert breach is not None
    assert (breach.bound, breach.to_start) == ("person", True)
    assert guard().recognise(np.full(40, 0.5), windows=36) is None
    assert guard().recognise(np.full(40, 1.2), windows=35) is None
    assert guard().recognise(np.zeros(0), windows=0) is None


def test_one_feature_alone_is_no_other_person() -> None:
    far = np.zeros(40)
    far[3] = 1e6
    assert guard().recognise(far, windows=100) is None


def test_what_is_not_finite_is_a_breach_and_is_not_averaged() -> None:
    watching = guard(check_accuracy=0.8)
    for mine, start in ((BROKEN, EVEN), (EVEN, BROKEN)):
        assert bound(watching.observe(mine, start, dt_s=12.0)) == "finite"
    assert bound(watching.compare(BROKEN, EVEN)) == "finite"
    assert bound(watching.check(float("nan"))) == "finite"
    assert watching.observe(EVEN, EVEN, dt_s=12.0) is None


def test_after_a_reset_it_begins_anew() -> None:
    watching = guard()
    while watching.observe(SURE, OTHER, dt_s=12.0) is None:
        pass
    watching.reset()
    assert watching.observe(SURE, OTHER, dt_s=12.0) is None


@pytest.mark.parametrize("n", [0, 1, 2])
def test_an_average_of_nothing_is_no_breach(n: int) -> None:
    assert watched(EVEN, EVEN, pieces=n) == ""
