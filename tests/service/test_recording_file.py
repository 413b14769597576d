"""Files of recordings: their names, and what happens when the disk does not take them."""

import subprocess
import sys
from pathlib import Path

import pytest

from hadua.service.recording_file import RecordingFailedError, RecordingFile, free_mb, label


def named(folder: Path, *, participant: str | None = "P-01") -> RecordingFile:
    return RecordingFile.named(
        folder, participant=participant, session="s-1a", task="film_1", suffix="eeg"
    )


def test_names_follow_bids_and_no_file_is_written_over(tmp_path: Path) -> None:
    files = [named(tmp_path), named(tmp_path), named(tmp_path, participant=None)]
    for file in files:
        file.write(b"mine")
        file.close()
    assert [str(file.path.relative_to(tmp_path)) for file in files] == [
        "sub-P01/ses-s1a/sub-P01_ses-s1a_task-film1_run-001_eeg.xdf",
        "sub-P01/ses-s1a/sub-P01_ses-s1a_task-film1_run-002_eeg.xdf",
        "sub-unknown/ses-s1a/sub-unknown_ses-s1a_task-film1_run-001_eeg.xdf",
    ]
    assert all(file.path.read_bytes() == b"mine" for file in files)


def test_a_label_is_letters_and_digits() -> None:
    assert label("P_0-1") == "P01"
    assert label("-_-") == "unknown"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("a file")
    with pytest.raises(RecordingFailedError, match=r"cannot be made in .*in the way"):
        named(tmp_path / "in the way")


def test_room_is_known_before_the_folder_is_there(tmp_path: Path) -> None:
    assert free_mb(tmp_path / "not" / "yet") == pytest.approx(free_mb(tmp_path), rel=0.05)


_LIMITED = """
import resource, sys
from pathlib import Path
from hadua.service.recording_file import RecordingFailedError, RecordingFile
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
file = RecordingFile(Path(sys.argv[1]))
file.write(b"x" * 60_000)
try:
    file.write(b"x" * 60_000)
except RecordingFailedError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX")
def test_a_disk_that_takes_no_more_is_an_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path / "a.xdf")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "a.xdf' cannot be written: got File too large." in done.stdout
