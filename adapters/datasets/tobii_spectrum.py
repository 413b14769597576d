"""Gaze of a Tobii Pro Spectrum as a table: `timestamp left_x left_y right_x right_y ...`, tabs.

Time is in milliseconds, gaze in pixels from the centre of the screen, NaN where an eye is lost;
further columns (targets) are left out. There is no pupil.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.text_file import read_lines
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

COLUMNS = ("timestamp", "left_x", "left_y", "right_x", "right_y")
SCREEN_PX = (1920.0, 1080.0)  # of the tracker's own screen
_WHAT = "Tobii Spectrum recording"


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumRecording:
    """The gaze of one recording.

    Args:
        t_s: `(n,)` seconds on the tracker's clock.
        gaze_px: `(n, 4)` left x, y, right x, y; pixels from the upper left corner of `SCREEN_PX`.
    """

    t_s: FloatArray
    gaze_px: FloatArray


def read_spectrum(path: Path) -> SpectrumRecording:
    """Read a recording, gzipped or plain.

    Raises:
        RecordingError: another header, or a row that is not numbers, with its line.
    """
    lines = read_lines(path, what=_WHAT)
    header = tuple(lines[0].split("\t")[: len(COLUMNS)]) if lines else ()
    if header != COLUMNS:
        raise RecordingError(
            f"{_WHAT} {str(path)!r}, line 1: wrong header",
            got=repr(lines[0][:120]) if lines else "nothing",
            expected=" ".join(COLUMNS),
        )
    rows = [_row(line, path, number) for number, line in enumerate(lines[1:], start=2)]
    if not rows:
        raise RecordingError(f"{_WHAT} {str(path)!r} has a header but no samples")
    table = np.array(rows, np.float64)
    centre = np.array([*SCREEN_PX, *SCREEN_PX]) / 2.0
    return SpectrumRecording(table[:, 0] / 1000.0, table[:, 1:] + centre)


def _row(line: str, path: Path, number: int) -> list[float]:
    cells = line.split("\t")[: len(COLUMNS)]
    try:
        row = [float(cell) for cell in cells]
    except ValueError:
        row = []
    if len(row) != len(COLUMNS) or not np.isfinite(row[0]):
        raise RecordingError(
            f"{_WHAT} {str(path)!r}, line {number}",
            got=repr(line[:80]),
            expected=f"{len(COLUMNS)} numbers, the first a time",
        )
    return row
