from pathlib import Path

import numpy as np
import pytest
from support.toy_bundle import toy_bundle
from support.toy_people import people, start

from hadua.calibration.source_windows import keep_source, load_source
from hadua.models.errors import CalibrationError


def test_they_come_back(tmp_path: Path) -> None:
    source = start().source
    for _ in range(2):  # the second time the first ones give way
        keep_source(tmp_path / "source", source, toy_bundle())
    back = load_source(tmp_path / "source", toy_bundle())
    np.testing.assert_array_equal(back.windows.x_eeg, source.windows.x_eeg)
    np.testing.assert_array_equal(back.y, source.y)
    assert [p.name for p in tmp_path.iterdir()] == ["source"]


def test_what_is_not_theirs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="source windows"):
        load_source(tmp_path / "nowhere", toy_bundle())
    keep_source(tmp_path / "s", people(0), toy_bundle())
    with pytest.raises(CalibrationError, match="are of another bundle"):
        load_source(tmp_path / "s", toy_bundle(embeddings=False))
    path = tmp_path / "s" / "x_eeg.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CalibrationError, match=r"x_eeg\.npy is damaged"):
        load_source(tmp_path / "s", toy_bundle())
    (tmp_path / "s" / "source.json").write_bytes(b"[]")
    with pytest.raises(CalibrationError, match=r"keep-source"):
        load_source(tmp_path / "s", toy_bundle())
