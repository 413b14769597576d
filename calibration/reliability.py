"""Whether a confidence of 80 % is right 80 % of the time: the reliability curve and its error."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.calibration.scores import Probabilities, require_probabilities
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

N_BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Sums over bins of equal width, (k/B, (k+1)/B]; those of two sets of windows add up.

    Args:
        counts: `(n_bins,)` windows whose confidence lies in the bin.
        confidence: `(n_bins,)` sum of their confidences.
        hits: `(n_bins,)` how many of them were right.
    """

    counts: IntArray
    confidence: FloatArray
    hits: IntArray

    def __add__(self, other: "Reliability") -> "Reliability":
        """The sums over both sets of windows."""
        return Reliability(
            self.counts + other.counts,
            self.confidence + other.confidence,
            self.hits + other.hits,
        )

    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over windows.

        Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3. It depends on the bins
        and is biased upward where they hold few windows.
        """
        return float(np.abs(self.confidence - self.hits).sum() / self.counts.sum())

    def curve(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Mean confidence, share right and number of windows of the bins that hold any."""
        there = self.counts > 0
        n = self.counts[there]
        return self.confidence[there] / n, self.hits[there] / n, n


def reliability(probabilities: Probabilities, y: IntArray, *, n_bins: int = N_BINS) -> Reliability:
    """Sort windows into bins by their greatest probability.

    Args:
        probabilities: `(n, n_classes)`.
        y: `(n,)` true classes.
        n_bins: Number of bins between 0 and 1.

    Raises:
        InvalidInputError: nothing to sort, or no bins.
    """
    require_probabilities(probabilities, y)
    if n_bins < 1:
        raise InvalidInputError(
            "bins of a reliability curve", got=f"{n_bins}", expected="1 or more"
        )
    sure = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == y).astype(np.float64)
    inner = np.linspace(0.0, 1.0, n_bins + 1)[1:-1]
    bins = np.searchsorted(inner, sure, side="left")
    return Reliability(
        np.bincount(bins, minlength=n_bins).astype(np.int64),
        np.bincount(bins, weights=sure, minlength=n_bins).astype(np.float64),
        np.bincount(bins, weights=right, minlength=n_bins).astype(np.int64),
    )


def calibration_error(probabilities: Probabilities, y: IntArray, *, n_bins: int = N_BINS) -> float:
    """Expected calibration error of windows, see `Reliability.error`."""
    return reliability(probabilities, y, n_bins=n_bins).error()
