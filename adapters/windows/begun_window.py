"""A window of which the last samples are still to come."""

import numpy as np

from hadua.models.features import FloatArray


def padded(first: FloatArray, n: int) -> FloatArray:
    """`(n, n_channels)`, each channel contiguous in memory: `(n_begun, n_channels)`, then zeros."""
    x = np.empty((first.shape[1], n))
    x[:, : len(first)] = first.T
    x[:, len(first) :] = 0.0
    return x.T


class BegunWindow:
    """Holds the first samples of a window, and room for the others.

    Args:
        at: Where in its stream's buffer it starts.
        first: `(n_begun, n_channels)` its first samples.
        n: Samples of the whole window.

    Attributes:
        samples: `(n, n_channels)`, read-only; 0 where they are to come.
    """

    __slots__ = ("_n_begun", "_x", "at", "samples")

    def __init__(self, at: int, first: FloatArray, *, n: int) -> None:
        self.at, self._n_begun = at, len(first)
        self._x = padded(first, n)
        self.samples = self._x.view()
        self.samples.setflags(write=False)

    def whole(self, rest: FloatArray) -> FloatArray:
        """The window `(n, n_channels)` with the others, `(n - n_begun, n_channels)`."""
        self._x[self._n_begun :] = rest
        return self._x
