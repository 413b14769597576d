"""Takes mains hum and slow drift out of a window, using nothing but that window.

Both are what is left of a window after a least-squares fit of what is not wanted, as in the
sinusoidal regression of PREP (Bigdely-Shamlo et al. 2015, doi:10.3389/fninf.2015.00016):

- mains of frequency f: cosine and sine of f, 2 f and 3 f, each with an amplitude that may change
  over the window like a polynomial, of the degree at which a mains frequency 0.05 Hz off is still
  down by 40 dB. The notch this cuts is about 2 Hz wide for a window of 1 s, narrower for longer;
- drift below f: the cosines of a discrete cosine transform up to f, the mean included. Of a window
  shorter than half a period of f that is the mean alone.

A recursive filter would need seconds to settle after a gap or a bad electrode and would carry both
into the windows after; this one has no state. It delays nothing.
"""

from collections.abc import Iterator
from math import factorial, floor, pi

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

HARMONICS = 3
# Grids keep 50 Hz within this nearly always (ENTSO-E's standard range).
MAINS_DEVIATION_HZ = 0.05
_LEFT_OVER = 0.0125
_TWO_PI = 2.0 * pi


class Removal:
    """Takes fitted mains and drift out of windows of one length and rate; holds no signal.

    Args:
        rate_hz: Sampling rate.
        n_samples: Samples in a window.
        notch_hz: Frequency of the mains, or None.
        high_pass_hz: Drift slower than this is removed, or None.

    Raises:
        InvalidInputError: too much to fit for so few samples.
    """

    __slots__ = ("_basis", "_fitted", "_n")

    def __init__(
        self, rate_hz: float, n_samples: int, *, notch_hz: float | None, high_pass_hz: float | None
    ) -> None:
        self._n = n_samples
        t_s = np.asarray((np.arange(n_samples) - 0.5 * (n_samples - 1)) / rate_hz, np.float64)
        columns: list[FloatArray] = []
        if high_pass_hz is not None:
            columns += drift(n_samples, highest=floor(2.0 * high_pass_hz * n_samples / rate_hz))
        for harmonic in range(1, HARMONICS + 1):
            if notch_hz is not None and harmonic * notch_hz < 0.5 * rate_hz:
                columns += hum(t_s, hz=harmonic * notch_hz, off_hz=harmonic * MAINS_DEVIATION_HZ)
        if 4 * len(columns) > n_samples:
            raise InvalidInputError(
                "cleaning of EEG windows",
                got=f"{len(columns)} components to remove from {n_samples} samples",
                expected="four times as many samples",
                hint="Use longer windows, or a lower cut-off.",
            )
        basis = np.stack(columns, axis=1) if columns else np.zeros((n_samples, 0))
        self._basis: FloatArray = np.linalg.qr(basis)[0]
        self._fitted = np.ascontiguousarray(self._basis.T)

    def __call__(self, x: FloatArray) -> FloatArray:
        """What is left of `(n_samples, n_channels)`; each channel contiguous in memory."""
        if x.ndim != 2 or x.shape[0] != self._n:
            raise InvalidInputError(
                "EEG window to clean",
                got=f"shape {x.shape}",
                expected=f"({self._n}, n_channels) (samples, channels)",
                hint="Is the block transposed?",
            )
        left = (x.T @ self._basis) @ self._fitted
        np.subtract(x.T, left, out=left)
        return left.T


def drift(n: int, *, highest: int) -> Iterator[FloatArray]:
    """Cosines of the transform (DCT-II) of n samples, from the constant to number `highest`."""
    middle = np.arange(n) + 0.5
    for k in range(highest + 1):
        yield np.cos(pi * k * middle / n)


def hum(t_s: FloatArray, *, hz: float, off_hz: float) -> Iterator[FloatArray]:
    """Cosine and sine of a frequency, times the powers of time up to the degree needed.

    A wave that is `off_hz` off is one of `hz` whose phase turns by phi = pi off_hz T over half of
    the window; polynomials up to degree d follow that to about 2 (phi / 2)^(d + 1) / (d + 1)!, the
    first term that Chebyshev's expansion of exp(i phi u) leaves out.
    """
    span_s = float(t_s[-1] - t_s[0]) or 1.0
    phi = pi * off_hz * span_s
    degree = 0
    while 2.0 * (0.5 * phi) ** (degree + 1) / factorial(degree + 1) > _LEFT_OVER:
        degree += 1
    for power in range(degree + 1):
        for wave in (np.cos, np.sin):
            yield (2.0 * t_s / span_s) ** power * wave(_TWO_PI * hz * t_s)
