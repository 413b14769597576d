"""Windows on disk: none is lost, and what is torn or damaged is not believed."""

from pathlib import Path

import numpy as np
import pytest

from hadua.calibration.collected import CollectedWindow, Header, WindowFile
from hadua.models.errors import ProfileError

HEADER = Header(participant="P01", bundle_digest="ab" * 32, n_eeg=3, n_eye=2)


def window(k: int) -> CollectedWindow:
    eye = np.array([np.nan, k] if k % 2 else [np.nan, np.nan], np.float32)
    return CollectedWindow(float(k), np.full(3, k, np.float32), eye, (1.0, 0.5))


def written(path: Path, n: int) -> WindowFile:
    file = WindowFile(path, HEADER, most=100)
    for k in range(n):
        file.append(window(k))
    return file


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_they_come_back(tmp_path: Path, n: int) -> None:
    written(tmp_path / "w", n)
    back = WindowFile(tmp_path / "w", HEADER, most=100).read()
    assert back.end_s.tolist() == list(range(n))
    assert back.eeg.shape == (n, 3)
    assert back.eye.shape == (n, 2)
    np.testing.assert_array_equal(back.eeg[:, 0], np.arange(n))
    assert np.isnan(back.eye[::2]).all()
    np.testing.assert_array_equal(back.eye[1::2, 1], np.arange(n)[1::2])


def test_a_write_torn_at_any_byte_costs_that_window_alone(tmp_path: Path) -> None:
    path = tmp_path / "w"
    written(path, 4)
    whole = path.read_bytes()
    size = (len(whole) - len(HEADER.model_dump_json()) - 1) // 4
    for cut in range(1, size + 1):
        path.write_bytes(whole[:-cut])
        file = WindowFile(path, HEADER, most=100)
        assert len(file) == 3
        file.append(window(9))
        assert WindowFile(path, HEADER, most=100).read().end_s.tolist() == [0.0, 1.0, 2.0, 9.0]


def test_a_damaged_record_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "w"
    written(path, 4)
    content = bytearray(path.read_bytes())
    size = (len(content) - len(HEADER.model_dump_json()) - 1) // 4
    content[-size - 10] ^= 1
    path.write_bytes(content)
    assert WindowFile(path, HEADER, most=100).read().end_s.tolist() == [0.0, 1.0]


def test_it_is_bounded(tmp_path: Path) -> None:
    file = WindowFile(tmp_path / "w", HEADER, most=2)
    for k in range(2):
        assert not file.full
        file.append(window(k))
    assert file.full
    with pytest.raises(ProfileError, match="got more than 2"):
        file.append(window(2))
    written(tmp_path / "long", 50)
    assert len(WindowFile(tmp_path / "long", HEADER, most=20)) == 20


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"\xff" * 300, b"PK" * 5000])
def test_a_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ProfileError, match="got a file of something else"):
        WindowFile(tmp_path / "w", HEADER, most=9)


def test_windows_of_another_participant_or_bundle(tmp_path: Path) -> None:
    written(tmp_path / "w", 2)
    other = HEADER.model_copy(update={"participant": "P02", "n_eye": 3})
    with pytest.raises(ProfileError, match="another participant and n_eye: got P01, 2"):
        WindowFile(tmp_path / "w", other, most=9)
