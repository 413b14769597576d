"""Whether a channel measures what the electrodes around it let one expect."""

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.completion import MIN_SHARE
from hadua.adapters.devices.electrodes import electrode_positions, has_place
from hadua.adapters.devices.interpolation import spline_precision
from hadua.adapters.devices.recovery import recovered_share
from hadua.models.features import BoolArray, FloatArray

IntArray = npt.NDArray[np.intp]

# Fewer electrodes say nothing of each other.
LEAST_CHANNELS = 8
# PREP correlates what is left below 50 Hz; means over 8 ms leave that.
BLOCK_S = 0.008


class Neighbours:
    """Foretells each channel from all others by the spherical spline, and compares.

    Only channels that are surrounded well enough are judged: of whose variance half is expected
    back. A bad channel would spoil the expectation for those around it, so the worst is set aside
    and the rest judged again without it.

    Args:
        names: Channels of the stream, in its order.
        threshold: A correlation below this is a disagreement.
    """

    def __init__(self, names: tuple[str, ...], *, threshold: float) -> None:
        self._placed = np.flatnonzero([has_place(name) for name in names])
        self._threshold = threshold
        self.judged = np.zeros(len(names), np.bool_)
        self._rows = np.zeros(0, np.intp)
        if len(self._placed) < LEAST_CHANNELS:
            return
        places = electrode_positions(names[i] for i in self._placed.tolist())
        self._precision = spline_precision(places)
        others = _from_others(self._precision)
        unit = places / np.linalg.norm(places, axis=1, keepdims=True)
        share = recovered_share(unit, unit, others, montage=unit)
        self._surrounded: BoolArray = share >= MIN_SHARE
        self.judged[self._placed[self._surrounded]] = True
        self._rows = np.flatnonzero(self._surrounded)
        self._of_rows = others[self._rows]

    def __call__(self, y: FloatArray, good: BoolArray) -> tuple[FloatArray, BoolArray]:
        """Correlate every channel with what is expected of it.

        Args:
            y: `(n_channels, n)`; rows of channels that are not good are not read.
            good: `(n_channels,)` channels without another fault.

        Returns:
            `(n_channels,)` correlations, NaN where a channel was not judged; and which disagree.
        """
        correlation, against = np.full(len(good), np.nan), np.zeros(len(good), np.bool_)
        there = good[self._placed]
        if y.shape[1] < 2 or not len(self._rows) or np.count_nonzero(there) < LEAST_CHANNELS:
            return correlation, against
        z = y[self._placed]
        z -= z @ np.full((z.shape[1], 1), 1.0 / z.shape[1])
        r = np.full(len(there), np.nan)
        for _ in range(len(there) // 4):
            rows, expected = self._expected(z, there)
            r[rows] = found = _correlation(z[rows], expected)
            if not len(found) or found.min() >= self._threshold:
                break
            if 2 * np.count_nonzero(found < self._threshold) > len(found):
                break  # a cap that is off the head: there is nobody to tell whose fault it is
            there[rows[found.argmin()]] = False
        accused = np.flatnonzero(r < self._threshold)
        if len(accused):
            r[accused] = self._heard_again(z, there, accused)
        correlation[self._placed] = r
        against[self._placed] = r < self._threshold
        return correlation, against

    def _heard_again(self, z: FloatArray, there: BoolArray, accused: IntArray) -> FloatArray:
        """Correlations of those set aside with what the others alone tell of them.

        While it was judged, a channel may have had neighbours that were set aside only later.
        """
        there = there.copy()
        there[accused] = False
        gone = ~there
        across = self._precision[np.ix_(gone, there)] @ z[there]
        expected = np.asarray(-np.linalg.solve(self._precision[np.ix_(gone, gone)], across), float)
        return _correlation(z[accused], expected[np.searchsorted(np.flatnonzero(gone), accused)])

    def _expected(self, z: FloatArray, there: BoolArray) -> tuple[IntArray, FloatArray]:
        """Which rows can be judged, and what the others of those that are there tell of each."""
        if there.all():
            return self._rows, self._of_rows @ z
        gone = ~there
        across = self._precision[np.ix_(there, gone)]
        lost = np.linalg.solve(self._precision[np.ix_(gone, gone)], across.T)
        precision = self._precision[np.ix_(there, there)] - across @ lost
        # Its inverse is the variance of the error. Where that has doubled, too much is gone.
        enough = np.diag(precision) >= 0.5 * np.diag(self._precision)[there]
        kept = np.flatnonzero(enough & self._surrounded[there])
        return np.flatnonzero(there)[kept], _from_others(precision)[kept] @ z[there]


def _from_others(precision: FloatArray) -> FloatArray:
    """Weights that foretell each from all others, 0 on the diagonal."""
    matrix = -precision / np.diag(precision)[:, None]
    np.fill_diagonal(matrix, 0.0)
    return np.asarray(matrix)


def block_means(x: FloatArray, block: int) -> FloatArray:
    """`(n_channels, n // block)` means over blocks of samples of `(n_channels, n)`."""
    n = x.shape[1] // block
    means: FloatArray = x[:, : n * block].reshape(len(x), n, block) @ np.full(block, 1.0 / block)
    return means


def _correlation(a: FloatArray, b: FloatArray) -> FloatArray:
    """Of rows whose means are 0; 0 where one of them does not move."""
    power = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b)
    product = np.einsum("ij,ij->i", a, b)
    return np.asarray(product / np.sqrt(np.maximum(power, np.finfo(np.float64).tiny)))
