"""Fitting a profile: the same from the same, better than before, and served as it was fitted."""

from dataclasses import replace

import numpy as np
import pytest
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import accuracy, moved, people, start

from hadua.calibration.adaptation import Objective
from hadua.calibration.collected import Collected
from hadua.calibration.fit import STAGES, FitSettings, Target, fit
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.preparing import as_windows
from hadua.calibration.profile import Profile
from hadua.calibration.profile_files import to_files
from hadua.calibration.stretches import logits_of_windows
from hadua.models.errors import CalibrationError
from hadua.models.personal import adapted_network, require_served
from hadua.models.runtime import load_runtime

PERSON = people(3, n_stretches=24, turn_deg=75.0, noise=0.5)
TURNED = moved(PERSON.windows, offset=0.7, gain=1.4)
QUICK = FitSettings(steps=40, objective=Objective(rate=1e-3))


def target(collected: Collected) -> Target:
    prior = toy_bundle().normalisation
    return Target("P01", 1, 0, collected, prior, {"poor quality": 4})


def fitted(
    collected: Collected | None = None,
    *,
    source: LabelledWindows | None = None,
    seed: int = 0,
    settings: FitSettings = QUICK,
) -> Profile:
    own = as_measured(TURNED, toy_bundle()) if collected is None else collected
    return fit(toy_bundle(), target(own), source=source, seed=seed, settings=settings)


def right(profile: Profile | None) -> float:
    """Share of the person's windows that are right, with a profile or as shipped."""
    bundle, own = toy_bundle(), as_measured(TURNED, toy_bundle())
    network = adapted_network(bundle, profile.weights if profile else {})
    prior = profile.normalisation if profile else bundle.normalisation
    windows = as_windows(own, prior, hop_s=bundle.hop_s)
    return accuracy(logits_of_windows(network, windows), PERSON.y)


@pytest.mark.parametrize("source", [None, start().source], ids=["source-free", "source"])
def test_it_is_better_than_before_and_says_so(source: LabelledWindows | None) -> None:
    profile = fitted(source=source)
    report = profile.made.report

    assert right(profile) > right(None) + 0.05
    assert (report.windows_used, dict(report.windows_refused)) == (144, {"poor quality": 4})
    assert report.measured == {"eeg": 144, "eye": 144}
    assert sum(report.balance.values()) == pytest.approx(1.0)
    assert report.consistency is not None
    assert 0.0 <= report.consistency <= 1.0
    assert report.expected_gain is not None
    assert report.agreement_after is not None
    assert report.check_before is not None
    assert report.check_before > 0.9
    assert profile.made.settings["source_free"] is (source is None)
    assert profile.n_seen == 144


def test_the_same_data_and_seed_give_the_same_bytes() -> None:
    short = replace(QUICK, steps=6)
    once, again = fitted(settings=short), fitted(settings=short)
    other = fitted(settings=short, seed=1)
    assert to_files(once) == to_files(again)
    assert to_files(once)["profile.safetensors"] != to_files(other)["profile.safetensors"]


def test_what_is_served_is_what_was_fitted() -> None:
    bundle, profile = toy_bundle(), fitted(settings=replace(QUICK, steps=3))
    runtime = load_runtime(bundle, model=profile.model)

    require_served(adapted_network(bundle, profile.weights), runtime)

    assert profile.weights


def test_it_says_what_it_does() -> None:
    asked: list[str] = []
    fit(
        toy_bundle(),
        target(as_measured(TURNED, toy_bundle())),
        source=None,
        seed=0,
        settings=replace(QUICK, steps=1),
        on_stage=asked.append,
    )
    assert asked == list(STAGES)


def test_one_modality_missing_throughout_is_no_obstacle() -> None:
    own = as_measured(TURNED, toy_bundle())
    blind = Collected(own.end_s, own.eeg, np.full_like(own.eye, np.nan), own.quality)
    report = fitted(blind, settings=replace(QUICK, steps=3)).made.report
    assert report.measured == {"eeg": 144, "eye": 0}
    assert report.agreement_before is None


def rows(collected: Collected, n: int) -> Collected:
    c = collected
    return Collected(c.end_s[:n], c.eeg[:n], c.eye[:n], c.quality[:n])


def test_what_nothing_can_be_learnt_from_is_refused() -> None:
    own = as_measured(TURNED, toy_bundle())
    eeg, eye = (np.full_like(x, np.nan) for x in (own.eeg, own.eye))
    nothing = Collected(own.end_s, eeg, eye, own.quality)
    stuck = Collected(own.end_s, np.ones_like(own.eeg), own.eye, own.quality)
    for collected, message in (
        (rows(own, 119), "too few windows to learn from: got 119, expected 120 or more"),
        (rows(own, 0), "got 0, expected 120"),
        (nothing, "got none in which anything was measured"),
        (stuck, "eeg: got 100% of the features are the same in every window"),
    ):
        with pytest.raises(CalibrationError, match=message):
            fitted(collected)
    greedy = replace(QUICK, objective=replace(QUICK.objective, trials_per_class=20.0))
    with pytest.raises(CalibrationError, match=r"got 24 stretches .*, expected 40 or more"):
        fitted(own, settings=greedy)


def test_without_source_and_embeddings_it_says_what_is_missing() -> None:
    bare = toy_bundle(embeddings=False)
    own = as_measured(TURNED, bare)
    with pytest.raises(CalibrationError, match="got no embeddings in the bundle"):
        fit(bare, target(own), source=None, seed=0, settings=QUICK)
