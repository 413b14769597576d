"""The lower bins of a window's spectrum, all but a last small share of them known before its end.

A discrete Fourier transform is a sum over samples. That over all but the last few, the head of the
window, can be had while the last ones are still to come: one fast transform, padded with zeros.
Theirs then is one small matrix product. Where a window is split depends on its length and rate
alone, never on how its samples arrived, so that the same samples always give the same bits.
"""

from functools import lru_cache
from math import ceil

import numpy as np

from hadua.adapters.windows.hann import ComplexArray
from hadua.models.features import FloatArray

# Channels that are transformed together: what that takes stays in a processor's cache.
_AT_ONCE = 16
TAIL_S = 0.06
"""What is left for the end: amplifiers seldom send blocks that last longer."""


def head_length(n_samples: int, *, rate_hz: float, multiple_of: int) -> int:
    """Samples in the head of a window, a multiple of that many; 0 where it has no more samples."""
    n = max(0, n_samples - ceil(TAIL_S * rate_hz))
    return n - n % multiple_of


class SplitSpectrum:
    """Spectra of windows of one length.

    Args:
        n_samples: Samples in a window.
        n_head: Of these, in its head.
        n_bins: How many bins are wanted, from 0 on; at most `n_samples // 2 + 1`.
    """

    __slots__ = ("_n", "_n_bins", "_waves", "n_head")

    def __init__(self, n_samples: int, *, n_head: int, n_bins: int) -> None:
        self._n, self.n_head, self._n_bins = n_samples, n_head, n_bins
        self._waves = _waves(n_samples, n_head, n_bins)

    def of_head(self, x: FloatArray) -> FloatArray:
        """What the head adds to each bin, `(n_channels, 2 n_bins)`; real parts, then imaginary.

        Args:
            x: `(n_head, n_channels)`, each channel contiguous in memory.
        """
        rows = x.T
        of_head = np.empty((len(rows), self._n_bins), np.complex128)
        padded = np.empty((_AT_ONCE, self._n))
        padded[:, self.n_head :] = 0.0
        spectrum = np.empty((_AT_ONCE, self._n // 2 + 1), np.complex128)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            k = len(some)
            padded[:k, : self.n_head] = some
            np.fft.rfft(padded[:k], axis=1, out=spectrum[:k])
            of_head[start : start + k] = spectrum[:k, : self._n_bins]
        return of_head.view(np.float64)

    def whole(self, of_head: FloatArray, tail: FloatArray) -> ComplexArray:
        """The spectrum `(n_channels, n_bins)` of the window.

        Args:
            of_head: What `of_head` gave.
            tail: `(n_samples - n_head, n_channels)`, each channel contiguous in memory.
        """
        pairs: FloatArray = tail.T @ self._waves
        pairs += of_head
        return pairs.view(np.complex128)


@lru_cache(maxsize=8)
def _waves(n_samples: int, n_head: int, n_bins: int) -> FloatArray:
    """`(n_tail, 2 n_bins)`: of each bin its real, then its imaginary part. All streams share it."""
    turns = np.outer(np.arange(n_head, n_samples), np.arange(n_bins)) % n_samples
    angle = (2.0 * np.pi / n_samples) * turns
    waves = np.stack((np.cos(angle), -np.sin(angle)), axis=2)
    waves.setflags(write=False)
    return waves.reshape(n_samples - n_head, 2 * n_bins)
