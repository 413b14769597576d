"""Eye features by the tracker's rate, against pymovements on the same windows."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_movement import EyeMovementFeatures
from hadua.models.features import FloatArray
from hadua.service.bench.comparison import Comparison, Other
from hadua.service.bench.effort import Effort
from hadua.service.bench.row import Row, version_of
from hadua.service.bench.timing import Call

RATES_HZ = (60.0, 120.0, 250.0, 500.0, 1000.0, 1200.0)
WINDOW_S = 1.0
_MADE_S = 120.0  # then it begins anew
_SETTLED_S = 40.0  # a pupil's history is 30 s at least


def rows(effort: Effort) -> list[Row]:
    """All 33 features of a window of one second, its samples included, one window at a time."""
    made: list[Row] = []
    for rate_hz in RATES_HZ:
        name = f"33 eye features, window of {WINDOW_S:g} s at {rate_hz:g} Hz"
        gaze = made_up_gaze(rate_hz)
        other = pymovements(gaze, rate_hz=rate_hz)
        made += Comparison(name, ours(gaze, rate_hz=rate_hz), [other], effort.batch).rows()
    return made


def ours(gaze: GazeSamples, *, rate_hz: float) -> Call:
    """Push the next second, and sum it up."""
    seconds = _seconds(gaze, rate_hz)
    features = EyeMovementFeatures(WINDOW_S, rate_hz=rate_hz)
    for _ in range(int(_SETTLED_S)):
        samples = next(seconds)
        features.push(samples)
        features.window(float(round(samples.t_s[-1])))

    def window() -> object:
        samples = next(seconds)
        features.push(samples)
        return features.window(float(round(samples.t_s[-1])))

    return window


def pymovements(gaze: GazeSamples, *, rate_hz: float) -> Other:
    """Velocity and I-VT fixations of one eye, and no features at all: less than ours does."""
    name = f"pymovements {version_of('pymovements')}, velocity and fixations of one eye"
    try:
        from pymovements.events import ivt
        from pymovements.transforms.numpy import pos2vel
    except ImportError as error:
        return Other(name, why=f"pymovements is not here ({error})")
    length = 2 * max(1, round(0.01 * rate_hz)) + 1
    windows = cycle(_positions(gaze, rate_hz))
    shortest = max(1, round(0.06 * rate_hz))

    def window() -> object:
        position = next(windows)
        velocity = pos2vel(
            position, rate_hz, method="savitzky_golay", window_length=length, polyorder=2
        )
        return ivt(velocity, minimum_duration=shortest, velocity_threshold=30.0)

    return Other(name, window)


def made_up_gaze(rate_hz: float) -> GazeSamples:
    """Two minutes that jump three times a second, with noise and a blink every four seconds."""
    rng = np.random.default_rng(0)
    n = round(_MADE_S * rate_hz)
    t_s = np.arange(n) / rate_hz
    jumps = rng.uniform(-8.0, 8.0, (round(_MADE_S * 3) + 1, 2))
    at = jumps[(t_s * 3).astype(np.intp)]
    x, y = (_both(at[:, k], rng, sd=0.02) for k in (0, 1))
    pupil = _both(3.5 + 0.2 * np.sin(2.0 * np.pi * 0.1 * t_s), rng, sd=0.01)
    lost = np.repeat(((t_s % 4.0) > 3.8)[:, None], 2, axis=1)
    for values in (x, y, pupil):
        values[lost] = np.nan
    return GazeSamples(t_s, x, y, pupil, ~lost)


def _both(one: FloatArray, rng: np.random.Generator, *, sd: float) -> FloatArray:
    return one[:, None] + rng.normal(0.0, sd, (len(one), 2))


def _seconds(gaze: GazeSamples, rate_hz: float) -> Iterator[GazeSamples]:
    """A second after the other, for ever: time goes on where the signal begins anew."""
    n, base_s = round(rate_hz), 0.0
    while True:
        for k in range(int(_MADE_S)):
            part = gaze.between(k * n, (k + 1) * n)
            yield GazeSamples(part.t_s + base_s, part.x_deg, part.y_deg, part.pupil_mm, part.valid)
        base_s += _MADE_S


def _positions(gaze: GazeSamples, rate_hz: float) -> list[FloatArray]:
    # Its filter takes no NaN; what a blink is filled with costs it nothing.
    position = np.nan_to_num(np.stack((gaze.x_deg[:, 0], gaze.y_deg[:, 0]), axis=1))
    return list(position.reshape(-1, round(rate_hz), 2))
