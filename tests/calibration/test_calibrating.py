"""A calibration from the first window to the profile that serves; a crash between any two steps."""

from pathlib import Path

import numpy as np
import pytest
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON, again, collected, quick, toy_windows

from hadua.calibration.calibrating import Calibration, calibration_folder
from hadua.calibration.fitting import fit_and_keep
from hadua.calibration.policy import POLICIES, Policy, policy_of
from hadua.calibration.report import Report, Risk
from hadua.calibration.session_state import State
from hadua.models.bundle import Normalisation
from hadua.models.errors import CalibrationError, ProfileError, UsageError
from hadua.models.features import Modality

NOW = 1.7e9
DARING = Policy("daring", accepts=("low", "medium", "high"))
HARSH = Policy("harsh", rejects=("low", "medium", "high"))


@pytest.fixture
def fitted(tmp_path: Path) -> Calibration:
    """One of which the profile lies in its folder, not yet taken over."""
    calibration = collected(tmp_path)
    fit_and_keep(quick(calibration, steps=1))
    return calibration


def test_accepted_it_serves(fitted: Calibration) -> None:
    fitted.settle(at_unix=NOW)
    assert (fitted.session.state, fitted.session.version) == (State.READY, 1)
    assert fitted.store.active_version(PERSON) == 0

    fitted.accept(at_unix=NOW)

    assert fitted.session.state is State.ACCEPTED
    profile = fitted.store.load_active(PERSON, bundle=toy_bundle())
    assert profile is not None
    assert (profile.version, profile.parent) == (1, 0)
    assert fitted.session.report == profile.made.report


def test_rejected_it_is_gone_and_the_one_before_serves(fitted: Calibration) -> None:
    fitted.settle(at_unix=NOW)
    fitted.reject("fell asleep", at_unix=NOW)
    history = fitted.store.history(PERSON)
    assert (fitted.session.state, history.active, dict(history.versions)) == (State.REJECTED, 0, {})
    assert history.events[-1].reason == "fell asleep"


RISKY: dict[Risk, list[State]] = {
    "low": [State.READY, State.ACCEPTED, State.ACCEPTED],
    "medium": [State.READY, State.READY, State.ACCEPTED],
    "high": [State.READY, State.REJECTED, State.REJECTED],
}


@pytest.mark.parametrize("nth", range(3))
def test_a_policy_decides(fitted: Calibration, nth: int) -> None:
    fitted.policy = policy_of(list(POLICIES)[nth])
    fitted.settle(at_unix=NOW)
    assert fitted.session.report is not None
    state = RISKY[fitted.session.report.risk][nth]
    assert fitted.session.state is state
    assert fitted.store.active_version(PERSON) == (1 if state is State.ACCEPTED else 0)


@pytest.mark.parametrize("risk", ["low", "medium", "high"])
def test_policies_differ_in_what_they_dare(risk: Risk) -> None:
    order = [policy.decide(Report(1, risk=risk)) for policy in POLICIES.values()]
    assert (
        order
        == {
            "low": ["wait", "accept", "accept"],
            "medium": ["wait", "wait", "accept"],
            "high": ["wait", "reject", "reject"],
        }[risk]
    )
    with pytest.raises(UsageError, match="got 'bold', expected operator, cautious, automatic"):
        policy_of("bold")


def test_whoever_was_to_decide_is_to_decide_after_a_restart(tmp_path: Path) -> None:
    begun = collected(tmp_path, policy=policy_of("cautious"))
    resumed = Calibration.resume(begun.store, begun.bundle, participant=PERSON, at_unix=2e9)
    assert resumed.policy == policy_of("cautious")


def test_a_rejecting_policy_says_why(fitted: Calibration) -> None:
    fitted.policy = HARSH
    fitted.settle(at_unix=NOW)
    assert fitted.session.state is State.REJECTED
    assert fitted.session.reason.startswith("rejected by policy 'harsh': ")


def test_a_crash_after_each_step_is_told_and_mended(fitted: Calibration) -> None:
    # After the fit, before anything was taken over.
    assert again(fitted).session.state is State.READY
    assert list(fitted.store.history(PERSON).versions) == [1]
    # After the version was saved, before the session knew.
    fitted.stored.put(fitted.session)
    after = again(fitted)
    assert (after.session.state, after.session.version) == (State.READY, 1)
    assert list(fitted.store.history(PERSON).versions) == [1]
    # After it was activated, before the session knew.
    ready = after.session
    after.accept(at_unix=NOW)
    after.stored.put(ready)
    assert again(after).session.state is State.ACCEPTED


def test_a_crash_after_discarding(fitted: Calibration) -> None:
    fitted.settle(at_unix=NOW)
    ready = fitted.session
    fitted.reject("no", at_unix=NOW)
    fitted.stored.put(ready)
    after = again(fitted)
    assert after.session.state is State.REJECTED
    assert after.session.reason == "the profile is no longer there"


def test_a_crash_while_fitting_asks_for_the_fit_again(tmp_path: Path) -> None:
    calibration = collected(tmp_path)
    after = again(calibration)
    assert after.session.state is State.FITTING
    assert after.request() == calibration.request()


def test_cancelled_at_any_time(fitted: Calibration, tmp_path: Path) -> None:
    fitted.settle(at_unix=NOW)
    fitted.cancel(at_unix=NOW)
    assert (fitted.session.state, fitted.session.reason) == (State.REJECTED, "cancelled")
    other = collected(tmp_path / "other")
    other.cancel(at_unix=NOW)
    assert (other.session.state, other.session.reason) == (State.FAILED, "cancelled")
    with pytest.raises(CalibrationError, match="state 'failed'"):
        other.take(*toy_windows(141))


def test_a_damaged_fit_is_not_taken_over(fitted: Calibration) -> None:
    path = fitted.stored.folder / "fitted" / "profile.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ProfileError, match="is damaged"):
        fitted.settle(at_unix=NOW)
    assert fitted.session.state is State.FITTING


def test_the_second_profile_is_the_first_ones_child(fitted: Calibration, tmp_path: Path) -> None:
    fitted.policy = DARING
    fitted.settle(at_unix=NOW)
    second = collected(tmp_path, policy=DARING)
    fit_and_keep(quick(second, steps=1))
    second.settle(at_unix=NOW)
    profile = second.store.load_active(PERSON, bundle=toy_bundle())
    assert profile is not None
    assert (profile.version, profile.parent) == (2, 1)


def test_the_rest_moves_the_profile(tmp_path: Path) -> None:
    bundle = toy_bundle()
    means = []
    for shift in (0.0, 1.0):
        calibration = collected(tmp_path / str(shift))
        old = bundle.normalisation[Modality.EEG]
        calibration.keep_prior({Modality.EEG: Normalisation(old.mean + shift * old.std, old.std)})
        fit_and_keep(quick(calibration, steps=1))
        calibration.settle(at_unix=NOW)
        profile = calibration.store.load(PERSON, 1, bundle=bundle)
        means.append(profile.normalisation[Modality.EEG].mean)
    # 140 windows outweigh the prior of 30, toward which they shrink.
    moved = (means[1] - means[0]) / bundle.normalisation[Modality.EEG].std
    np.testing.assert_allclose(moved, 30 / 170, atol=1e-5)


def test_deleted_with_everything_else(fitted: Calibration) -> None:
    fitted.store.delete(PERSON)
    assert not calibration_folder(fitted.store, PERSON).exists()
