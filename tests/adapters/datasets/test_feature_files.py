import hashlib
from pathlib import Path

import pytest

from hadua.adapters.datasets.feature_files import (
    FileLog,
    Place,
    files_by_number,
    find_folder,
    no_report,
    one_each,
    require_folder,
)
from hadua.models.errors import RecordingError


def test_the_hash_is_that_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    raw = bytes(range(256)) * 5000
    (tmp_path / "a" / "x.mat").write_bytes(raw)
    (tmp_path / "b.mat").write_bytes(b"")
    reports: list[tuple[int, int]] = []
    log = FileLog(tmp_path, total=2, on_file=lambda done, total: reports.append((done, total)))

    log.add(tmp_path / "b.mat")
    log.add(tmp_path / "a" / "x.mat")

    assert list(log.hashes.items()) == [
        ("a/x.mat", hashlib.sha256(raw).hexdigest()),
        ("b.mat", hashlib.sha256(b"").hexdigest()),
    ]
    assert reports == [(1, 2), (2, 2)]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    log = FileLog(tmp_path, total=1, on_file=no_report)

    with pytest.raises(RecordingError, match=r"x\.mat': cannot be read: got No such file"):
        log.add(tmp_path / "x.mat")
    with pytest.raises(RecordingError, match=r"': cannot be read: got Is a directory"):
        log.add(tmp_path)


def test_people_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10.mat", "9.mat", "x.mat", "1.mat", "1.mat.bak", ".2.mat"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "3.mat").mkdir()

    assert list(files_by_number(tmp_path, r"(\d+)\.mat")) == [1, 9, 10]
    assert files_by_number(tmp_path / "missing", r"(\d+)\.mat") == {}


def test_two_files_of_one_number_are_refused(tmp_path: Path) -> None:
    for name in ("1_a.mat", "1_b.mat"):
        (tmp_path / name).write_bytes(b"")

    with pytest.raises(RecordingError, match=r"file of person 1: got '1_a\.mat', '1_b\.mat'"):
        one_each(files_by_number(tmp_path, r"(\d+)_.\.mat"))


def test_the_folder_itself_may_be_given(tmp_path: Path) -> None:
    inner = tmp_path / "data" / "EEG"
    inner.mkdir(parents=True)

    assert find_folder(tmp_path, ("EEG", "data/EEG")) == inner
    assert find_folder(inner, ("data/EEG",)) == inner
    assert find_folder(tmp_path, ("EYE",)) is None


def test_what_a_folder_holds_instead_is_said(tmp_path: Path) -> None:
    for k in range(9):
        (tmp_path / f"{k}").write_bytes(b"")

    with pytest.raises(RecordingError, match=r"got '0', '1', .*'5' and 3 more, expected a folder"):
        require_folder(tmp_path, ("EEG",), what="features")


def test_a_place_without_a_key_is_the_file() -> None:
    assert str(Place(Path("/a/1.npy"))) == "1.npy"
    assert str(Place(Path("/a/1.npy"), "k")) == "1.npy, k"
