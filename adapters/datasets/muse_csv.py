"""Muse headband recordings as comma-separated text, one row per sample.

A row is the time stamp (s, rounded to 1 ms), TP9, AF7, AF8, TP10 and Right AUX (microvolts) and a
marker (0: none). The stamps are the ones that the headband's LSL stream carried: they were put on
chunk by chunk, so they repeat and step back by some milliseconds where chunks meet.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hadua.adapters.datasets.text_file import read_lines
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

IntArray = npt.NDArray[np.int64]

LABELS = ("TP9", "AF7", "AF8", "TP10", "Right AUX")
HEADER = ("timestamps", *LABELS, "Marker0")
RATE_HZ = 256.0
_WHAT = "Muse recording"


@dataclass(frozen=True, slots=True, eq=False)
class MuseRecording:
    """One recording, as in the file.

    Args:
        path: Where it was read from.
        t_s: `(n,)` time stamps as recorded: rounded to 1 ms, not always in order.
        x_uv: `(n, 5)` microvolts in the order of `labels`.
        labels: Channel labels.
        markers: `(n,)`, 0 where nothing happened, else the stimulus that began.
        sha256: Hash of the numbers; equal for equal recordings, whatever the file's name.
    """

    path: Path
    t_s: FloatArray
    x_uv: FloatArray
    labels: tuple[str, ...]
    markers: IntArray
    sha256: str


@dataclass(frozen=True, slots=True)
class MuseSubjects:
    """A folder of recordings, sorted by person.

    Args:
        recordings: By subject name, each recording once, in the order of the file names.
        duplicates: `(kept, left out)` for every recording that appears a second time.
    """

    recordings: Mapping[str, tuple[MuseRecording, ...]]
    duplicates: tuple[tuple[Path, Path], ...]


def read_muse_csv(path: Path) -> MuseRecording:
    """Read one recording, gzipped or plain.

    Raises:
        RecordingError: naming the file and, where there is one, the line and the column.
    """
    lines = read_lines(path, what=_WHAT)
    if not lines:
        raise RecordingError(f"{_WHAT} {str(path)!r} is empty", expected=",".join(HEADER))
    _check_header(lines[0], path)
    rows = [_row(line, path, number) for number, line in enumerate(lines[1:], start=2)]
    if not rows:
        raise RecordingError(f"{_WHAT} {str(path)!r} has a header but no samples")
    table = np.array(rows, np.float64)
    return MuseRecording(
        path=path,
        t_s=np.ascontiguousarray(table[:, 0]),
        x_uv=np.ascontiguousarray(table[:, 1:-1]),
        labels=LABELS,
        markers=table[:, -1].astype(np.int64),
        sha256=hashlib.sha256(table.astype("<f8").tobytes()).hexdigest(),
    )


def subjects(root: Path) -> MuseSubjects:
    """Read every `subjectN_*.csv` (or `.csv.gz`) of a folder, by what stands before the first `_`.

    A recording that appears under a second name counts once: twice in training is a bias, and once
    in training and once in the test is a leak.

    Raises:
        RecordingError: no such folder, nothing in it, or a file that cannot be read.
    """
    if not root.is_dir():
        raise RecordingError(
            f"folder of Muse recordings {str(root)!r}", got="no such folder", hint="Check --root."
        )
    first_seen: dict[str, Path] = {}
    by_subject: dict[str, list[MuseRecording]] = {}
    duplicates: list[tuple[Path, Path]] = []
    for path in sorted(p for p in root.glob("subject*_*.csv*") if p.is_file()):
        recording = read_muse_csv(path)
        kept = first_seen.setdefault(recording.sha256, path)
        if kept is not path:
            duplicates.append((kept, path))
            continue
        by_subject.setdefault(path.name.split("_", 1)[0], []).append(recording)
    if not by_subject:
        raise RecordingError(
            f"folder of Muse recordings {str(root)!r}",
            got="no file that fits",
            expected="files named 'subjectN_*.csv' or 'subjectN_*.csv.gz'",
        )
    return MuseSubjects({s: tuple(r) for s, r in by_subject.items()}, tuple(duplicates))


def _check_header(line: str, path: Path) -> None:
    got = tuple(cell.strip() for cell in line.split(","))
    if got != HEADER:
        raise RecordingError(
            f"{_WHAT} {str(path)!r}, line 1: wrong header",
            got=repr(line[:120]),
            expected=",".join(HEADER),
            hint="Is this a recording of five Muse channels with one marker column?",
        )


def _row(line: str, path: Path, number: int) -> list[float]:
    cells = line.split(",")
    where = f"{_WHAT} {str(path)!r}, line {number}"
    if len(cells) != len(HEADER):
        raise RecordingError(
            f"{where}: wrong number of columns",
            got=f"{len(cells)}",
            expected=f"{len(HEADER)}",
            hint="Was the file cut off while it was written?",
        )
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = [_number(cell, where, name) for cell, name in zip(cells, HEADER, strict=True)]
    for name, value in ((HEADER[0], values[0]), (HEADER[-1], values[-1])):
        if not np.isfinite(value):
            raise RecordingError(
                f"{where}, column {name!r}", got=f"{value}", expected="a finite number"
            )
    return values


def _number(cell: str, where: str, name: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise RecordingError(
            f"{where}, column {name!r}", got=repr(cell), expected="a number"
        ) from error
