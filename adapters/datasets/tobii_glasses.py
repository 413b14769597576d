"""Tobii Pro Glasses 2 recordings: the `livedata.json` that the recording unit writes.

One JSON object a line. Lines that share a `gidx` describe one gaze sample: `gp` is the gaze point
of both eyes together, normalised to the scene camera's picture (x to the right, y down); `pd` is
the pupil diameter (mm) of the eye named in `eye`; `s` is 0 where the value is valid; `ts` counts
microseconds. Lines without a `gidx` (gyroscope, accelerometer, synchronisation) are not gaze.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.text_file import read_lines
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

RATE_HZ = 50.0
EYES = ("left", "right")
_WHAT = "Tobii Glasses recording"
_PICTURE = "scene camera"

SPEC = StreamSpec(
    name="Tobii",
    channels=tuple(
        channel
        for eye in EYES
        for channel in (
            Channel(f"{eye}_x", "ScreenX", "normalized", eye, _PICTURE),
            Channel(f"{eye}_y", "ScreenY", "normalized", eye, _PICTURE),
            Channel(f"{eye}_pupil", "Diameter", "mm", eye),
        )
    ),
    rate_hz=RATE_HZ,
    type="Gaze",
)


@dataclass(frozen=True, slots=True, eq=False)
class GlassesRecording:
    """The gaze samples of one recording.

    Args:
        path: Where it was read from.
        t_s: `(n,)` seconds on the glasses' clock, increasing.
        gaze: `(n, 2)` x and y, 0 to 1 in the scene picture; NaN where not valid.
        pupil_mm: `(n, 2)` left and right diameter; NaN where not valid.
    """

    path: Path
    t_s: FloatArray
    gaze: FloatArray
    pupil_mm: FloatArray

    def per_eye(self) -> FloatArray:
        """`(n, 6)` x, y, pupil of the left and of the right eye, as a screen tracker sends them.

        The glasses give one gaze point for both eyes: each eye whose pupil was seen gets it.
        """
        columns = []
        for eye in range(len(EYES)):
            pupil = self.pupil_mm[:, eye : eye + 1]
            columns += [np.where(np.isnan(pupil), np.nan, self.gaze), pupil]
        return np.hstack(columns)

    def chunks(self, *, size: int = 1) -> Iterator[SampleChunk]:
        """The samples in order, `size` at a time (the last may be shorter), of stream `SPEC`."""
        x = self.per_eye()
        for start in range(0, len(self.t_s), size):
            stop = start + size
            yield SampleChunk(SPEC, self.t_s[start:stop].copy(), x[start:stop].copy())


def read_livedata(path: Path) -> GlassesRecording:
    """Read the gaze samples of a `livedata.json`, gzipped or plain.

    Raises:
        RecordingError: a line that is not what it should be, with its number; or no gaze at all.
    """
    samples: dict[int, _Sample] = {}
    for number, line in enumerate(read_lines(path, what=_WHAT), start=1):
        if line.strip():
            _Line(path, number, line).add_to(samples)
    if not samples:
        raise RecordingError(
            f"{_WHAT} {str(path)!r} has no gaze",
            got="no line with a 'gidx'",
            expected="lines of gaze points ('gp') and pupil diameters ('pd')",
        )
    ordered = sorted(samples.values(), key=lambda sample: sample.t_s)
    return GlassesRecording(
        path=path,
        t_s=np.array([s.t_s for s in ordered]),
        gaze=np.array([s.gaze for s in ordered]),
        pupil_mm=np.array([s.pupil_mm for s in ordered]),
    )


class _Sample:
    """What has been read of one gaze sample so far."""

    def __init__(self, t_s: float) -> None:
        self.t_s = t_s
        self.gaze = [np.nan, np.nan]
        self.pupil_mm = [np.nan, np.nan]


class _Line:
    """One line of the file, with what an error about it needs to say."""

    def __init__(self, path: Path, number: int, text: str) -> None:
        self._where = f"{_WHAT} {str(path)!r}, line {number}"
        try:
            entry = json.loads(text)
        except json.JSONDecodeError as error:
            raise self._error(text[:80], f"one JSON object ({error.msg})") from error
        if not isinstance(entry, dict):
            raise self._error(text[:80], "one JSON object")
        self._entry: Mapping[str, object] = entry

    def add_to(self, samples: dict[int, _Sample]) -> None:
        """Put what this line says of a gaze sample into it."""
        if "gidx" not in self._entry:
            return
        key = int(self._numbers("gidx", 1)[0])
        sample = samples.setdefault(key, _Sample(self._numbers("ts", 1)[0] / 1e6))
        if self._entry.get("s") != 0:
            return
        if "gp" in self._entry:
            sample.gaze = self._numbers("gp", 2)
        if "pd" in self._entry:
            sample.pupil_mm[self._eye()] = self._numbers("pd", 1)[0]

    def _eye(self) -> int:
        eye = self._entry.get("eye")
        if eye not in EYES:
            raise self._error(f"eye {eye!r}", "eye 'left' or 'right'")
        return EYES.index(str(eye))

    def _numbers(self, key: str, count: int) -> list[float]:
        value = self._entry.get(key)
        values: Sequence[object] = value if isinstance(value, list) else [value]
        numbers = [
            float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)
        ]
        if len(numbers) != count or len(values) != count or not np.isfinite(numbers).all():
            raise self._error(f"{key}={value!r}", f"{count} finite number{'s' * (count > 1)}")
        return numbers

    def _error(self, got: str, expected: str) -> RecordingError:
        return RecordingError(self._where, got=got, expected=expected)
