"""What the spectrum of a window tells of its quality: EEG, mains, high-frequency noise."""

from typing import NamedTuple

import numpy as np

from hadua.adapters.windows.hann import SCALE, HannSquares
from hadua.models.features import BoolArray, FloatArray

MAINS_HZ = (50.0, 60.0)
EEG_HZ = (1.0, 45.0)
GAMMA_HZ = (31.0, 48.0)
NOISE_HZ = (52.0, 118.0)
GAMMA_WIDTH_HZ = 19.0
# A Hann window spreads a tone over the bins next to it; mains wander by less.
LINE_HALF_WIDTH_HZ = 1.6
FLANK_HZ = (2.5, 6.0)
# Less than this cannot tell a level.
_LEAST_NOISE_HZ = 4.0


class Powers(NamedTuple):
    """Powers of each channel `(n_channels,)`, microvolts squared.

    Args:
        eeg: From 1 to 45 Hz.
        gamma: From 31 to 48 Hz.
        line: Mains hum above its surroundings, `(n_channels, 2)`: at 50 and at 60 Hz.
        noise: What noise of the density between 52 and 118 Hz has in 19 Hz; NaN if the rate is too
            low to tell.
    """

    eeg: FloatArray
    gamma: FloatArray
    line: FloatArray
    noise: FloatArray


class Spectral:
    """Sums up spectra of windows of one rate and length.

    Args:
        rate_hz: Sampling rate.
        n_samples: Samples in a window.

    Attributes:
        n_bins: So many bins of a spectrum are looked at.
        squares: Of a spectrum, what is summed up: of all those bins but the first and the last.
    """

    def __init__(self, rate_hz: float, n_samples: int) -> None:
        hz = np.arange(n_samples // 2 + 1) * rate_hz / n_samples
        top_hz = min(NOISE_HZ[1], 0.45 * rate_hz)
        last = min(int(np.searchsorted(hz, max(top_hz, MAINS_HZ[1] + FLANK_HZ[1]))), len(hz) - 2)
        hz = hz[1 : last + 1]
        self.squares = HannSquares(1, last + 1)
        self.n_bins = last + 2
        scale = SCALE * 2.0 / (n_samples * 0.375 * n_samples)
        near = [np.abs(hz - f) <= LINE_HALF_WIDTH_HZ for f in MAINS_HZ]
        harmonics = np.any([np.abs(hz - k) <= 2.0 for k in (50.0, 60.0, 100.0, 120.0)], axis=0)
        noise = _within(hz, (NOISE_HZ[0], top_hz)) & ~harmonics
        width_hz = rate_hz / n_samples
        self._measures_noise = bool(noise.sum() * width_hz >= _LEAST_NOISE_HZ)
        columns = [
            _within(hz, EEG_HZ).astype(float),
            _within(hz, GAMMA_HZ).astype(float),
            *(_excess(hz, f, mask) for f, mask in zip(MAINS_HZ, near, strict=True)),
            noise * GAMMA_WIDTH_HZ / max(noise.sum() * width_hz, width_hz),
        ]
        # Each bin is two squares, of its real and of its imaginary part.
        self._sums = scale * np.repeat(np.stack(columns, axis=1), 2, axis=0)

    def __call__(self, squares: FloatArray) -> Powers:
        """Sum up what `squares` gives of `(n_channels, >= n_bins)`, the real FFT of windows."""
        sums = squares @ self._sums
        noise = sums[:, 4] if self._measures_noise else np.full(len(sums), np.nan)
        return Powers(sums[:, 0], sums[:, 1], np.maximum(sums[:, 2:4], 0.0), noise)


def _within(hz: FloatArray, band: tuple[float, float]) -> BoolArray:
    return np.asarray((hz >= band[0]) & (hz < band[1]))


def _excess(hz: FloatArray, f: float, near: BoolArray) -> FloatArray:
    """Weights that sum a line's bins less what their flanks have."""
    apart = np.abs(hz - f)
    flank = (apart >= FLANK_HZ[0]) & (apart <= FLANK_HZ[1])
    if not near.any() or not flank.any():
        return np.zeros(len(hz))
    return np.asarray(near - flank * (near.sum() / flank.sum()))
