"""Reads EyeLink recordings in their text form (`.asc`, as `edf2asc` writes it, also gzipped)."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

EventName = Literal["EFIX", "ESACC", "EBLINK"]
_N_FIELDS: dict[str, int] = {"EFIX": 8, "ESACC": 11, "EBLINK": 5}


@dataclass(frozen=True, slots=True)
class TrackerEvent:
    """A fixation, saccade or blink as the tracker itself found it, for one eye.

    Args:
        name: `EFIX`, `ESACC` or `EBLINK`.
        eye: 0 left, 1 right.
        start_s: Time of its first sample, tracker's clock.
        end_s: Time of its last sample plus one sample interval: exclusive.
        points_px: Fixation: mean x, y. Saccade: x, y at its start and at its end. Blink: empty.
        amplitude_deg: Saccade: amplitude in degrees; NaN otherwise.
    """

    name: EventName
    eye: int
    start_s: float
    end_s: float
    points_px: tuple[float, ...] = ()
    amplitude_deg: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class TrackerSamples:
    """Raw samples, column 0 left, column 1 right; NaN where the tracker lost the eye.

    Args:
        t_s: `(n,)` tracker's clock.
        x_px: `(n, 2)` gaze across.
        y_px: `(n, 2)` gaze down.
        pupil: `(n, 2)` pupil size in the tracker's arbitrary unit, area unless the file says
            otherwise; 0 where lost.
    """

    t_s: FloatArray
    x_px: FloatArray
    y_px: FloatArray
    pupil: FloatArray


def read_samples(path: Path) -> TrackerSamples:
    """Read the samples of a binocular recording.

    Raises:
        RecordingError: there are none, or a line is not a binocular sample.
    """
    rows = [_sample(path, line) for line in _lines(path) if line[:1].isdigit()]
    if not rows:
        raise RecordingError(f"EyeLink file {str(path)!r}", got="no sample", expected="samples")
    table = np.array(rows, np.float64)
    return TrackerSamples(
        table[:, 0] / 1000.0, table[:, [1, 4]], table[:, [2, 5]], table[:, [3, 6]]
    )


def read_events(path: Path, *, rate_hz: float) -> tuple[TrackerEvent, ...]:
    """Read the events that the tracker found, in the order of the file.

    Args:
        path: The file.
        rate_hz: Sampling rate, to turn the last sample of an event into its end.

    Raises:
        RecordingError: an event's line is cut short or has no numbers where they belong.
    """
    return tuple(
        _event(path, line.split(), rate_hz)
        for line in _lines(path)
        if line.startswith(("EFIX", "ESACC", "EBLINK"))
    )


def _lines(path: Path) -> Iterator[str]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="latin-1") as packed:
                yield from packed
        else:
            with path.open(encoding="latin-1") as plain:
                yield from plain
    except (OSError, EOFError) as error:
        raise RecordingError(
            f"EyeLink file {str(path)!r} cannot be read", got=str(error), expected="a whole file"
        ) from error


def _sample(path: Path, line: str) -> list[float]:
    fields = line.split()[:7]
    try:
        row = [float("nan") if f == "." else float(f) for f in fields]
    except ValueError:
        row = []
    if len(row) != 7:
        raise RecordingError(
            f"EyeLink file {str(path)!r}: a sample",
            got=repr(line.rstrip()),
            expected="time and x, y, pupil of two eyes",
        )
    return row


def _event(path: Path, fields: list[str], rate_hz: float) -> TrackerEvent:
    try:
        if len(fields) < _N_FIELDS[fields[0]]:
            raise ValueError(fields[0])
        start_s, end_s = int(fields[2]) / 1000.0, int(fields[3]) / 1000.0 + 1.0 / rate_hz
        eye = "LR".index(fields[1])
        return _typed(fields, eye, start_s, end_s)
    except (ValueError, KeyError) as error:
        raise RecordingError(
            f"EyeLink file {str(path)!r}: an event",
            got=repr(" ".join(fields)),
            expected="EFIX, ESACC or EBLINK, the eye and its numbers",
        ) from error


def _typed(fields: list[str], eye: int, start_s: float, end_s: float) -> TrackerEvent:
    def number(i: int) -> float:
        return float("nan") if fields[i] == "." else float(fields[i])

    if fields[0] == "EFIX":
        return TrackerEvent("EFIX", eye, start_s, end_s, (number(5), number(6)))
    if fields[0] == "ESACC":
        points = tuple(number(i) for i in range(5, 9))
        return TrackerEvent("ESACC", eye, start_s, end_s, points, number(9))
    return TrackerEvent("EBLINK", eye, start_s, end_s)
