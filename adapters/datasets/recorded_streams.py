"""Recordings in the formats of devices' own programs, as sources; XDF has its own.

    .csv    a Muse headband as muse-lsl and eeg-notebooks write it   EEG
    .json   Tobii Pro Glasses 2, `livedata.json`                      gaze
    .tsv    a table of a Tobii Pro Spectrum                           gaze
    .asc    EyeLink samples, as edf2asc writes them                   gaze

Each may be gzipped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hadua.adapters.datasets import muse_stream, tobii_glasses
from hadua.adapters.datasets.eyelink_asc import read_samples
from hadua.adapters.datasets.muse_csv import read_muse_csv
from hadua.adapters.datasets.tobii_glasses import read_livedata
from hadua.adapters.datasets.tobii_spectrum import SCREEN_PX, read_spectrum
from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lag import NO_LAG
from hadua.adapters.sources.loaded import Loaded, LoadedSource
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.adapters.sources.stream_info import StreamInfo
from hadua.adapters.sources.told import NOTHING_TOLD, Told
from hadua.models.errors import RecordingError, UsageError
from hadua.models.features import FloatArray, Modality

Arrays = tuple[StreamSpec, FloatArray, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format by the end of its files' names.

    Args:
        suffix: With the dot; `.gz` may follow.
        title: In words.
        modality: What such a file holds.
        read: Reads it.
    """

    suffix: str
    title: str
    modality: Modality
    read: Callable[[Path], Arrays]


def format_of(path: Path) -> Format | None:
    """The format of a file by its name; None for any other, XDF too."""
    name = path.name.lower().removesuffix(".gz")
    return next((f for f in FORMATS if name.endswith(f.suffix)), None)


class RecordedSource(LoadedSource):
    """Replays a recording in one of `FORMATS`.

    Args:
        path: The file.
        modality: What it is taken for.
        speed: None delivers as fast as it is read; 1.0 in real time.
        told: What the operator says about the stream.
        clock: The time now, in seconds.
        sleep: How to wait.

    Raises:
        UsageError: a file of another format, or of another modality.
    """

    def __init__(
        self,
        path: Path,
        *,
        modality: Modality,
        speed: float | None = None,
        told: Told = NOTHING_TOLD,
        clock: Callable[[], float] = lsl_now_s,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        found = format_of(path)
        if found is None or found.modality is not modality:
            raise UsageError(
                f"recording {str(path)!r} for {modality}",
                got=f"{found.title}: {found.modality}" if found else "a file of another format",
                expected=", ".join(f.suffix for f in FORMATS if f.modality is modality)
                + " or .xdf",
            )
        self._path = path
        self._format = found
        self._told = told
        super().__init__(f"recording {str(path)!r}", speed=speed, clock=clock, sleep=sleep)

    @property
    def description(self) -> str:
        """The SOURCE text that means this source."""
        speed = "" if self._speed is None else f",speed={self._speed:g}"
        return f"file:{self._path}{speed}{self._told}"

    def load(self) -> Loaded:
        """Read the file.

        Raises:
            RecordingError: it is not of that format, or empty.
        """
        spec, stamp_s, x = self._format.read(self._path)
        if not stamp_s.shape[0]:
            raise RecordingError(f"recording {str(self._path)!r} has no samples")
        told = self._told
        info = StreamInfo(told.about(spec), (), told.lag(NO_LAG))
        return Loaded(info, stamp_s, x, float(stamp_s[0]))


def _muse(path: Path) -> Arrays:
    recording = read_muse_csv(path)
    return muse_stream.SPEC, recording.t_s, recording.x_uv


def _glasses(path: Path) -> Arrays:
    recording = read_livedata(path)
    return tobii_glasses.SPEC, recording.t_s, recording.per_eye()


def _spectrum(path: Path) -> Arrays:
    recording = read_spectrum(path)
    channels = tuple(
        Channel(f"{eye}_{axis}", f"Screen{axis.upper()}", "pixels", eye)
        for eye in ("left", "right")
        for axis in ("x", "y")
    )
    rate_hz = _rate_hz(recording.t_s)
    spec = StreamSpec("Tobii Spectrum", channels, rate_hz, type="Gaze", screen_px=SCREEN_PX)
    return spec, recording.t_s, recording.gaze_px


def _eyelink(path: Path) -> Arrays:
    samples = read_samples(path)
    columns: dict[str, FloatArray] = {}
    for k, eye in enumerate(("left", "right")):
        columns[f"{eye}EyeX"] = samples.x_px[:, k]
        columns[f"{eye}EyeY"] = samples.y_px[:, k]
        columns[f"{eye}PupilArea"] = samples.pupil[:, k]
    # Named as its outlet names them, so that its preset is found: units, and what 0 means.
    channels = tuple(Channel(label) for label in columns)
    spec = StreamSpec("EyeLink", channels, _rate_hz(samples.t_s), type="Gaze")
    return spec, samples.t_s, np.column_stack(list(columns.values()))


def _rate_hz(t_s: FloatArray) -> float:
    """The rate of the most samples; 0 (irregular) for a single one."""
    return round(1.0 / float(np.median(np.diff(t_s))), 1) if t_s.shape[0] > 1 else 0.0


FORMATS = (
    Format(".csv", "a Muse recording", Modality.EEG, _muse),
    Format(".json", "a Tobii Glasses 2 recording", Modality.EYE, _glasses),
    Format(".tsv", "a Tobii Spectrum recording", Modality.EYE, _spectrum),
    Format(".asc", "an EyeLink recording", Modality.EYE, _eyelink),
)
"""What is read, beside XDF."""
