import re
from pathlib import Path

import numpy as np
import pytest
from support.muse_files import HEADER, muse_text, write_muse

from hadua.adapters.datasets.muse_csv import read_muse_csv, subjects
from hadua.models.errors import RecordingError

ROW = "1.000,1.5,2.5,3.5,4.5,5.5,0"


def test_a_row_becomes_a_stamp_five_microvolts_and_a_marker(tmp_path: Path) -> None:
    path = write_muse(tmp_path / "a.csv", f"{HEADER}\n{ROW}\n1.004,-1,-2,-3,-4,nan,2\n")

    r = read_muse_csv(path)

    assert r.t_s.tolist() == [1.0, 1.004]
    np.testing.assert_array_equal(
        r.x_uv, [[1.5, 2.5, 3.5, 4.5, 5.5], [-1.0, -2.0, -3.0, -4.0, np.nan]]
    )
    assert r.labels == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert r.markers.tolist() == [0, 2]


def test_the_hash_is_of_the_numbers_not_of_the_file(tmp_path: Path) -> None:
    plain = read_muse_csv(write_muse(tmp_path / "a.csv", f"{HEADER}\r\n{ROW}\r\n"))
    packed = read_muse_csv(write_muse(tmp_path / "b.csv.gz", f"{HEADER}\n{ROW.replace('.0', '.')}"))
    other = read_muse_csv(write_muse(tmp_path / "c.csv", f"{HEADER}\n{ROW.replace('5.5', '5.6')}"))

    assert plain.sha256 == packed.sha256 != other.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (f"{HEADER}\n", "has a header but no samples"),
        (f"time,TP9\n{ROW}\n", "line 1: wrong header.*got 'time,TP9'.*expected timestamps,TP9"),
        (f"{HEADER}\n{ROW}\n1.0,2.0\n", "line 3: wrong number of columns: got 2, expected 7"),
        (f"{HEADER}\n{ROW.replace('3.5', 'x')}\n", "line 2, column 'AF8': got 'x'"),
        (f"{HEADER}\n{ROW.replace('1.000', 'inf')}\n", "line 2, column 'timestamps': got inf"),
        (f"{HEADER}\n{ROW[:-1]}nan\n", "line 2, column 'Marker0': got nan"),
    ],
)
def test_a_bad_file_is_named_with_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = write_muse(tmp_path / "bad.csv", text)

    with pytest.raises(RecordingError, match=message) as caught:
        read_muse_csv(path)

    assert repr(str(path)) in str(caught.value)


def test_what_cannot_be_read_at_all_is_one_error_too(tmp_path: Path) -> None:
    whole = write_muse(tmp_path / "whole.csv.gz", muse_text(seconds=1.0)).read_bytes()
    (tmp_path / "half.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")

    for name, message in (
        ("half.csv.gz", "damaged gzip"),
        ("binary.csv", "not a text file"),
        ("none.csv", "cannot be read: got No such file"),
    ):
        with pytest.raises(RecordingError, match=message):
            read_muse_csv(tmp_path / name)


def test_a_recording_under_two_names_counts_once(tmp_path: Path) -> None:
    text = muse_text(seconds=1.0)
    kept = write_muse(tmp_path / "subject1_a.csv", text)
    copy = write_muse(tmp_path / "subject2_b.csv.gz", text)
    write_muse(tmp_path / "subject2_c.csv", muse_text(seconds=1.0, seed=1))

    found = subjects(tmp_path)

    assert {s: [r.path.name for r in rs] for s, rs in found.recordings.items()} == {
        "subject1": ["subject1_a.csv"],
        "subject2": ["subject2_c.csv"],
    }
    assert found.duplicates == ((kept, copy),)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no file that fits"):
        subjects(tmp_path)
    with pytest.raises(RecordingError, match=re.escape("no such folder")):
        subjects(tmp_path / "nowhere")


def test_the_real_recordings_are_of_three_people(recordings: Path) -> None:
    found = subjects(recordings / "muse_ssvep").recordings

    assert {s: len(rs) for s, rs in found.items()} == {"subject1": 6, "subject3": 4, "subject4": 10}
    first = found["subject1"][0]
    assert first.x_uv.shape == (30732, 5)
    assert np.bincount(first.markers).tolist() == [30700, 14, 18]
    assert (np.diff(first.t_s) < 0).sum() == 32, "its stamps step back where chunks meet"
