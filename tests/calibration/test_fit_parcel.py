"""A fit that was sent gives the profile that would be fitted at home, byte for byte."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON, collected, quick

from hadua.calibration.fit_data import FitData, read_fit_data
from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import read_fitted
from hadua.calibration.fitting import fit_and_keep, fit_parcel
from hadua.calibration.profile_files import of_files, to_files
from hadua.models.bundle import Normalisation
from hadua.models.errors import CalibrationError, InvalidInputError
from hadua.models.features import Modality


def asked(folder: Path) -> tuple[FitRequest, FitData, FitParcel]:
    """A calibration with a rest of its own and a class that was told."""
    calibration = collected(folder)
    own = toy_bundle().normalisation
    calibration.keep_prior(
        {m: Normalisation(n.mean + 0.25, n.std * 1.5) for m, n in own.items() if m is Modality.EEG}
    )
    calibration.tell(1, from_s=100.0, until_s=130.0)
    request = quick(calibration)
    data = read_fit_data(request.session, toy_bundle())
    return request, data, FitParcel.of(request, data, bundle_digest=toy_bundle().digest)


def test_the_profile_is_the_one_that_is_fitted_at_home(tmp_path: Path) -> None:
    request, _, parcel = asked(tmp_path)
    fit_and_keep(request)
    here = read_fitted(request.session)
    assert here is not None

    again = FitParcel.model_validate_json(parcel.model_dump_json())
    there = of_files(fit_parcel(toy_bundle(), again).__getitem__, where="it")

    assert there.participant == parcel.ticket
    assert to_files(replace(there, participant=PERSON)) == to_files(here)


def test_it_says_nothing_of_whose_it_is(tmp_path: Path) -> None:
    _, data, parcel = asked(tmp_path)
    _, _, other = asked(tmp_path)

    assert data.participant == PERSON
    assert PERSON not in parcel.model_dump_json()
    assert parcel.ticket != other.ticket
    assert parcel.model_copy(update={"ticket": ""}) == other.model_copy(update={"ticket": ""})


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("eeg", np.zeros((140, 2), np.float32), r"'eeg': float32 \(140, 2\), not float32"),
        ("end_s", np.zeros(0), "0 windows"),
        ("end_s", np.full(140, np.nan), "not finite"),
        ("told", np.full(140, 2), "a class that there is not"),
        ("std/eye", None, "a normalisation of eye that is none"),
        ("quality", "gone", "quality"),
    ],
)
def test_what_cannot_be_a_persons_is_refused(
    tmp_path: Path, name: str, value: object, match: str
) -> None:
    arrays = load(base64.b64decode(asked(tmp_path)[2].arrays))
    if isinstance(value, np.ndarray):
        arrays[name] = value
    elif value is None:
        arrays[name] = np.zeros_like(arrays[name])
    else:
        del arrays[name]
    packed = base64.b64encode(save(arrays)).decode()
    bad = asked(tmp_path)[2].model_copy(update={"arrays": packed})

    with pytest.raises(InvalidInputError, match=match):
        fit_parcel(toy_bundle(), bad)


def test_text_that_is_none_and_another_bundle_are_refused(tmp_path: Path) -> None:
    parcel = asked(tmp_path)[2]
    with pytest.raises(InvalidInputError, match="arrays of a fit"):
        fit_parcel(toy_bundle(), parcel.model_copy(update={"arrays": "%"}))
    with pytest.raises(CalibrationError, match="windows for another bundle"):
        fit_parcel(toy_bundle(), parcel.model_copy(update={"bundle_digest": "0" * 64}))
