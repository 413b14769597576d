"""Synthetic gaze whose events are known in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.models.features import FloatArray


@dataclass(frozen=True)
class Saccade:
    """A step of `amplitude_deg` to the right (or left if negative) that begins at `start_s`.

    Its duration follows the main sequence, 2.2 ms per degree and 21 ms (Bahill et al. 1975); its
    course is that of minimum jerk, 10 s^3 - 15 s^4 + 6 s^5.
    """

    start_s: float
    amplitude_deg: float

    @property
    def duration_s(self) -> float:
        return 0.0022 * abs(self.amplitude_deg) + 0.021

    def course(self, t_s: FloatArray) -> FloatArray:
        s = np.clip((t_s - self.start_s) / self.duration_s, 0.0, 1.0)
        return np.asarray(self.amplitude_deg * s**3 * (10.0 - 15.0 * s + 6.0 * s * s))


def scanpath(
    saccades: Sequence[Saccade],
    *,
    length_s: float,
    rate_hz: float = 120.0,
    blinks: Sequence[tuple[float, float]] = (),
    noise_deg: float = 0.0,
    start_s: float = 1000.0,
    pupil_mm: float = 3.0,
) -> GazeSamples:
    """Both eyes on the same path from 0, `blinks` (start, length) lost; times from `start_s`."""
    t_s = np.arange(round(length_s * rate_hz)) / rate_hz
    x = sum((s.course(t_s) for s in saccades), np.zeros_like(t_s))
    both = np.stack([x, x + 0.7], axis=1)
    y = np.full_like(both, 0.3)
    if noise_deg:
        rng = np.random.default_rng(7)
        both, y = both + rng.normal(0, noise_deg, y.shape), y + rng.normal(0, noise_deg, y.shape)
    lost = np.zeros(t_s.size, np.bool_)
    for begin, length in blinks:
        lost |= (t_s >= begin) & (t_s < begin + length)
    valid = np.stack([~lost, ~lost], axis=1)
    pupil = np.where(valid, pupil_mm, np.nan)
    return GazeSamples(
        start_s + t_s, np.where(valid, both, np.nan), np.where(valid, y, np.nan), pupil, valid
    )
