"""Told classes outlive the service, and hold for the windows of their own clock."""

from pathlib import Path

import numpy as np
import pytest
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON, PLAN, again, collected, toy_windows

from hadua.calibration.calibrating import Calibration
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import read_fitted
from hadua.calibration.fitting import fit_and_keep
from hadua.calibration.session import CalibrationSession
from hadua.calibration.store import ProfileStore
from hadua.calibration.stored_labels import LABELS, StoredLabel, read_labels, told_of
from hadua.calibration.trusting import UNTOLD
from hadua.models.errors import CalibrationError


def cut_off(root: Path, *, windows: int) -> Calibration:
    """A calibration that has collected some of its windows."""
    session = CalibrationSession.of(toy_bundle(), id="c1", participant=PERSON, plan=PLAN)
    store = ProfileStore(root / "participants")
    calibration = Calibration.begin(store, toy_bundle(), session)
    for k in range(windows):
        calibration.take(*toy_windows(k))
    return calibration


def test_of_two_labels_the_later_holds_and_none_reaches_back_before_its_clock() -> None:
    end_s = np.arange(1.0, 7.0)
    labels = (
        StoredLabel(label=0, from_s=0.0, until_s=4.0),
        StoredLabel(label=1, from_s=2.0, until_s=3.0),
        StoredLabel(label=2, from_s=0.0, until_s=9.0, from_row=5),
    )
    assert told_of(labels, end_s).tolist() == [0, 0, 1, 0, UNTOLD, 2]
    assert told_of((), end_s).tolist() == [UNTOLD] * 6


def test_labels_survive_the_service_and_are_fitted_with(tmp_path: Path) -> None:
    calibration = collected(tmp_path)
    ends = calibration.stored.collected().end_s
    calibration.tell(1, from_s=float(ends[9]), until_s=float(ends[29]))
    resumed = again(calibration)
    assert resumed.stored.labels == 1
    request: FitRequest = resumed.request().model_copy(update={"steps": 1})
    fit_and_keep(request)
    fitted = read_fitted(request.session)
    assert fitted is not None
    assert fitted.made.settings["told_windows"] == 20


def test_what_is_told_after_a_restart_is_told_of_what_comes_then(tmp_path: Path) -> None:
    resumed = again(cut_off(tmp_path, windows=30))
    resumed.tell(0, from_s=0.0, until_s=1e9)
    (label,) = read_labels(resumed.stored.folder, n_classes=2)
    assert label.from_row == 30


@pytest.mark.parametrize(("label", "until_s"), [(2, 9.0), (-1, 9.0), (0, 1.0)])
def test_a_class_that_is_not_or_no_time_is_refused(
    tmp_path: Path, label: int, until_s: float
) -> None:
    calibration = collected(tmp_path)
    with pytest.raises(CalibrationError, match="expected a class below 2 and a stretch of time"):
        calibration.tell(label, from_s=1.0, until_s=until_s)
    assert not (calibration.stored.folder / LABELS).exists()


@pytest.mark.parametrize("content", ["{", '[{"label": 7, "from_s": 0, "until_s": 1}]'])
def test_a_damaged_file_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / LABELS).write_text(content, encoding="utf-8")
    with pytest.raises(CalibrationError, match="expected labels as they were stored"):
        read_labels(tmp_path, n_classes=2)
