"""Real and synthetic gaze for tests: readers, resampling, and how events are compared."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hadua.adapters.datasets.eyelink_asc import (
    TrackerEvent,
    TrackerSamples,
    read_events,
    read_samples,
)
from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind
from hadua.models.features import FloatArray

EYELINK_HZ = 500.0
TOBII_HZ = 600.0
_SAMPLES = "eyelink/002_rlmw_samples_short.asc.gz"
_EVENTS = "eyelink/002_rlmw_events_short.asc"
_CENTRE_PX = (639.5, 511.5)  # GAZE_COORDS 0 0 1279 1023

Interval = tuple[float, float]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class EyeLinkRecording:
    """41 s of a person, and what the tracker itself made of them."""

    gaze: GazeSamples
    truth: tuple[TrackerEvent, ...]

    def intervals(self, name: str, eye: int, *, blinks: bool = True) -> list[Interval]:
        """The tracker's events of one eye; `blinks=False` leaves out saccades around a blink."""
        events = [e for e in self.truth if e.name == name and e.eye == eye]
        closed = [e for e in self.truth if e.name == "EBLINK" and e.eye == eye]
        return [
            (e.start_s, e.end_s)
            for e in events
            if blinks or not any(e.start_s <= b.start_s and b.end_s <= e.end_s for b in closed)
        ]


def eyelink(recordings: Path) -> EyeLinkRecording:
    """Read the EyeLink recording, in degrees by the tracker's own saccade amplitudes.

    Pupils are areas in an arbitrary unit; a tenth of their square root stands in for millimetres.
    """
    samples = read_samples(recordings / _SAMPLES)
    truth = read_events(recordings / _EVENTS, rate_hz=EYELINK_HZ)
    return EyeLinkRecording(_in_degrees(samples, pixels_per_degree(truth)), truth)


def pixels_per_degree(truth: Sequence[TrackerEvent]) -> FloatArray:
    """`(2,)`, x and y, by least squares: amplitude^2 = (dx / ppd_x)^2 + (dy / ppd_y)^2."""
    closed = [e for e in truth if e.name == "EBLINK"]
    saccades = [
        e
        for e in truth
        if e.name == "ESACC"
        and not any(
            b.eye == e.eye and e.start_s <= b.start_s and b.end_s <= e.end_s for b in closed
        )
    ]
    points = np.array([e.points_px for e in saccades])
    squares = (points[:, 2:] - points[:, :2]) ** 2
    amplitude = np.array([e.amplitude_deg for e in saccades])
    return np.asarray(1.0 / np.sqrt(np.linalg.lstsq(squares, amplitude**2, rcond=None)[0]))


def _in_degrees(samples: TrackerSamples, ppd: FloatArray) -> GazeSamples:
    x = (samples.x_px - _CENTRE_PX[0]) / ppd[0]
    y = (samples.y_px - _CENTRE_PX[1]) / ppd[1]
    valid = np.isfinite(x)
    pupil = np.where(valid, np.sqrt(samples.pupil) / 10.0, np.nan)
    return GazeSamples(samples.t_s, x, y, pupil, valid)


def tobii_spectrum(recordings: Path) -> GazeSamples:
    """Read 21 s of a Tobii Pro Spectrum at 600 Hz; pixels from the centre of 531 mm at 650 mm."""
    path = recordings / "tobii_spectrum/Tobii_Spectrum_600Hz.tsv.gz"
    with gzip.open(path, "rt") as lines:
        table = np.genfromtxt(lines, skip_header=1, usecols=(0, 1, 2, 3, 4))
    px_deg = np.degrees(np.arctan(531.0 / 1920.0 / 650.0))
    x, y = table[:, [1, 3]] * px_deg, table[:, [2, 4]] * px_deg
    valid = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(valid, x, np.nan), np.where(valid, y, np.nan)
    return GazeSamples(table[:, 0] / 1000.0, x, y, np.full_like(x, np.nan), valid)


def one_eye(gaze: GazeSamples, eye: int) -> GazeSamples:
    """The recording as if the other eye had never been found."""
    valid = gaze.valid.copy()
    valid[:, 1 - eye] = False
    x, y, pupil = (np.where(valid, a, np.nan) for a in (gaze.x_deg, gaze.y_deg, gaze.pupil_mm))
    return GazeSamples(gaze.t_s, x, y, pupil, valid)


def resample(gaze: GazeSamples, *, rate_hz: float) -> GazeSamples:
    """What a tracker of another rate would have sent.

    A sample is missing where the nearest original one is. Others are linear interpolation within
    stretches without a loss: the mean over one sample interval (17 points) where the rate goes
    down, which keeps fast noise from folding back, and the point itself where it goes up.
    """
    t_s = np.arange(gaze.t_s[0], gaze.t_s[-1], 1.0 / rate_hz)
    slower = rate_hz * float(np.median(np.diff(gaze.t_s))) < 1.0
    spread_s = np.arange(-8, 9) / 16.0 / rate_hz if slower else np.zeros(1)
    points_s = (t_s[:, None] + spread_s).ravel()
    valid = gaze.valid[_nearest(gaze.t_s, t_s)]
    known = gaze.valid[_nearest(gaze.t_s, points_s)].reshape(t_s.size, -1, 2)
    weights = known / np.maximum(known.sum(axis=1, keepdims=True), 1)
    arrays: list[FloatArray] = []
    for values in (gaze.x_deg, gaze.y_deg, gaze.pupil_mm):
        dense = np.stack([_interpolate(points_s, gaze.t_s, values[:, eye]) for eye in (0, 1)], 1)
        mean = (dense.reshape(known.shape) * weights).sum(axis=1)
        arrays.append(np.where(valid, mean, np.nan))
    x_deg, y_deg, pupil_mm = arrays
    return GazeSamples(t_s, x_deg, y_deg, pupil_mm, valid)


def _nearest(t_s: FloatArray, at_s: FloatArray) -> IntArray:
    after = np.clip(np.searchsorted(t_s, at_s), 1, t_s.size - 1)
    return np.where(at_s - t_s[after - 1] < t_s[after] - at_s, after - 1, after)


def _interpolate(at_s: FloatArray, t_s: FloatArray, values: FloatArray) -> FloatArray:
    finite = np.isfinite(values)
    if not finite.any():
        return np.full(at_s.shape, np.nan)
    return np.asarray(np.interp(at_s, t_s[finite], values[finite]))


def intervals(events: Sequence[EyeEvent], kind: EyeEventKind) -> list[Interval]:
    """Start and end of the events of a kind."""
    return [(e.start_s, e.end_s) for e in events if e.kind is kind]


@dataclass(frozen=True)
class Agreement:
    """How many of `n_truth` events and `n_found` events were paired, one to one."""

    n_truth: int
    n_found: int
    n_paired: int

    @property
    def precision(self) -> float:
        return self.n_paired / max(self.n_found, 1)

    @property
    def recall(self) -> float:
        return self.n_paired / max(self.n_truth, 1)

    @property
    def f1(self) -> float:
        return 2.0 * self.n_paired / max(self.n_found + self.n_truth, 1)


def agreement(
    truth: Sequence[Interval], found: Sequence[Interval], *, overlap: float = 0.5
) -> Agreement:
    """Pair events one to one, best first, that share at least `overlap` of their union."""
    pairs = []
    for i, (a0, a1) in enumerate(truth):
        for j, (b0, b1) in enumerate(found):
            shared = min(a1, b1) - max(a0, b0)
            if shared > 0.0:
                ratio = shared / (max(a1, b1) - min(a0, b0))
                if ratio >= overlap:
                    pairs.append((ratio, i, j))
    used_truth: set[int] = set()
    used_found: set[int] = set()
    for _, i, j in sorted(pairs, reverse=True):
        if i not in used_truth and j not in used_found:
            used_truth.add(i)
            used_found.add(j)
    return Agreement(len(truth), len(found), len(used_truth))
