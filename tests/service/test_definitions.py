"""Bundles of either EEG definition are served live; bundles of others are refused by name."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.bundles import describe, random_network
from support.pipelines import CHANNELS, ORIGIN_S, SECONDS, pipeline_over, recorded, stepped

from hadua.adapters.features.eeg_definitions import EEG_DEFINITIONS
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.adapters.features.seed_entropy import seed_feature_spec
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import FeatureMismatchError
from hadua.models.export import export_bundle
from hadua.models.features import FeatureSpec, Modality
from hadua.models.prediction import ModalityState
from hadua.models.runtime import load_runtime
from hadua.service.definitions import require_known_features

HOP_S = 0.5
SPECS = {
    "hadua-de/1": eeg_feature_spec(CHANNELS, window_s=4.0, hop_s=HOP_S),
    "seed-de/1": seed_feature_spec(CHANNELS, window_s=4.0, hop_s=HOP_S),
}
EYE = eye_feature_spec(window_s=4.0, hop_s=HOP_S)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Bundle]:
    """A bundle of each definition, with equal weights."""
    return {
        label: bundle_of(spec, tmp_path_factory.mktemp("bundles")) for label, spec in SPECS.items()
    }


def bundle_of(eeg: FeatureSpec, folder: Path) -> Bundle:
    network = random_network(len(eeg.names), len(EYE.names), context=3)
    description = describe([eeg, EYE])
    export_bundle(network, path=folder / "bundle", description=description, card="# Random\n")
    return load_bundle(folder / "bundle")


def test_every_definition_is_served_here() -> None:
    assert set(SPECS) == set(EEG_DEFINITIONS)


@pytest.mark.parametrize("label", SPECS)
def test_a_bundle_of_a_known_definition_is_fed_live(
    label: str, bundles: Mapping[str, Bundle]
) -> None:
    bundle = bundles[label]
    require_known_features(bundle)
    chunks = recorded()
    runtime = load_runtime(bundle, device="cpu")

    predictions = stepped(pipeline_over(bundle, chunks, runtime=runtime), chunks)

    runtime.close()
    n = round((SECONDS - 4.0) / HOP_S) + 1
    assert [p.end_s for p in predictions] == [ORIGIN_S + 4.0 + HOP_S * k for k in range(n)]
    for p in predictions:
        assert p.modalities["eeg"] is ModalityState.USED
        assert p.probabilities is not None
        assert sum(p.probabilities) == pytest.approx(1.0)


def test_the_definition_decides_what_is_predicted(bundles: Mapping[str, Bundle]) -> None:
    """The same network and signal: other features, another answer."""
    theirs, ours = bundles["seed-de/1"], bundles["hadua-de/1"]
    runtime, chunks = load_runtime(theirs, device="cpu"), recorded()

    answers = [
        np.array(
            [p.probabilities for p in stepped(pipeline_over(b, chunks, runtime=runtime), chunks)]
        )
        for b in (theirs, ours)
    ]

    runtime.close()
    assert np.abs(answers[0] - answers[1]).max() > 0.01


def renamed(spec: FeatureSpec) -> FeatureSpec:
    return replace(spec, names=(*spec.names[1:], spec.names[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: replace(s, definition="seed-de-lds"),
            r"bundle '.*eeg features.*got seed-de-lds/1, expected hadua-de/1 or seed-de/1.*future",
        ),
        (lambda s: replace(s, version=9), r"got seed-de/9, expected hadua-de/1 or seed-de/1"),
        (renamed, r"bundle '.*not channel-major: got 'FP1:theta', expected 'FP1:delta'"),
    ],
)
def test_other_eeg_features_are_refused_with_both_names(
    change: Callable[[FeatureSpec], FeatureSpec], message: str, bundles: Mapping[str, Bundle]
) -> None:
    bundle = bundles["seed-de/1"]
    other = replace(bundle, specs={**bundle.specs, Modality.EEG: change(SPECS["seed-de/1"])})

    with pytest.raises(FeatureMismatchError, match=message):
        require_known_features(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: replace(s, version=9), "got hadua-eye/9, expected hadua-eye/1"),
        (lambda s: replace(s, names=s.names[:-1]), "number of its hadua-eye/1 features: got 32"),
        (lambda s: replace(s, names=("x", *s.names[1:])), "got 'x', expected 'pupil_left_mean_mm'"),
    ],
)
def test_other_eye_features_are_refused_with_both_names(
    change: Callable[[FeatureSpec], FeatureSpec], message: str, bundles: Mapping[str, Bundle]
) -> None:
    bundle = bundles["seed-de/1"]
    other = replace(bundle, specs={**bundle.specs, Modality.EYE: change(EYE)})

    with pytest.raises(FeatureMismatchError, match=message):
        require_known_features(other)
