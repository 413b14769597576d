"""What a bundle says of cleaning: said, kept, refused where it is not known, absent where none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bundles import make_bundle

from hadua.adapters.features.eye_movement import EYE_33
from hadua.models.bundle import MANIFEST, demo_bundle_path, load_bundle
from hadua.models.cleaning import Cleaning, Reference
from hadua.models.errors import BundleError, FeatureMismatchError, InvalidInputError
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, Modality

FULL = Cleaning(rate_hz=200.0, notch_hz=50.0, high_pass_hz=0.5, reference=Reference.AVERAGE)


def test_a_bundle_keeps_its_cleaning(tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path, cleaning=FULL))

    assert bundle.specs[Modality.EEG].cleaning == FULL
    assert bundle.specs[Modality.EYE].cleaning is None


def test_a_bundle_without_the_field_is_one_without_cleaning() -> None:
    bundle = load_bundle(demo_bundle_path())

    text = (demo_bundle_path() / MANIFEST).read_text(encoding="utf-8")
    assert "cleaning" not in text
    assert bundle.specs[Modality.EEG].cleaning is None
    assert bundle.manifest.to_bytes().decode() == text  # written again, it keeps its name


def test_features_of_another_cleaning_do_not_match() -> None:
    plain = FeatureSpec(Modality.EEG, "hadua-de", 1, ("CZ:delta",), 1.0, 0.5)
    clean = FeatureSpec(Modality.EEG, "hadua-de", 1, ("CZ:delta",), 1.0, 0.5, cleaning=FULL)

    with pytest.raises(FeatureMismatchError, match=r"got .*cleaning=None.*hadua-clean"):
        clean.require(plain, where="here")


def test_a_cleaning_that_is_not_known_is_refused(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path, cleaning=FULL)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["features"]["eeg"]["cleaning"]["version"] = 2
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(BundleError, match=r"got hadua-clean/2, expected hadua-clean/1"):
        load_bundle(folder)


def test_only_eeg_is_cleaned() -> None:
    with pytest.raises(InvalidInputError, match="cleaning of EEG only"):
        FeatureSpec(Modality.EYE, "hadua-eye", 1, EYE_33, 4.0, 0.5, cleaning=FULL)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Cleaning(notch_hz=55.0), "got 55 Hz, expected 50 or 60"),
        (lambda: Cleaning(rate_hz=0.0), "expected 1 Hz or more"),
        (lambda: Cleaning(rate_hz=float("nan")), "expected 1 Hz or more"),
        (lambda: Cleaning(high_pass_hz=0.0), "above 0"),
        (lambda: Cleaning(high_pass_hz=11.0), "at most 10 Hz"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Cleaning], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        make()


def test_in_words() -> None:
    assert str(FULL) == (
        "hadua-clean/1: at 200 Hz, without 50 Hz, without what is below 0.5 Hz, against the average"
    )
    assert str(Cleaning()) == "hadua-clean/1: as recorded"
    assert (FULL.acts, Cleaning().acts) == (True, False)


def test_the_stored_form_goes_there_and_back() -> None:
    for cleaning in (None, FULL, Cleaning(notch_hz=60.0)):
        spec = FeatureSpec(Modality.EEG, "hadua-de", 1, ("CZ:a",), 1.0, 0.5, cleaning=cleaning)
        stored = FeaturePart.of(spec).model_dump(mode="json")

        assert ("cleaning" in stored) is (cleaning is not None)
        assert FeaturePart.model_validate(stored).spec(Modality.EEG) == spec
