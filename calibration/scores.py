"""How good predicted classes are, with the figure that guessing would reach beside it."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray
from hadua.models.runtime import Float32Array

Probabilities = FloatArray | Float32Array
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures over a set of labelled windows.

    Args:
        accuracy: Share of windows whose class was right.
        macro_f1: Mean F1 over the classes that occur in the labels.
        chance: Accuracy of always naming the commonest class of this very set.
        n_windows: How many windows were scored.
    """

    accuracy: float
    macro_f1: float
    chance: float
    n_windows: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What is left when doubtful windows get no answer.

    Args:
        coverage: Share of windows that were answered.
        accuracy: Share of those answered that were right; None if none was.
    """

    coverage: float
    accuracy: float | None


def score(predicted: IntArray, y: IntArray) -> Scores:
    """Compare predicted with true classes, both `(n,)`.

    Raises:
        InvalidInputError: shapes that differ, or nothing to score.
    """
    if predicted.shape != y.shape or not len(y):
        raise InvalidInputError(
            "classes to score",
            got=f"predicted {predicted.shape}, true {y.shape}",
            expected="equal shapes (n,), n >= 1",
        )
    counts = np.bincount(y)
    return Scores(
        accuracy=float((predicted == y).mean()),
        macro_f1=float(np.mean([_f1(predicted, y, int(c)) for c in np.flatnonzero(counts)])),
        chance=float(counts.max() / len(y)),
        n_windows=len(y),
    )


def confusion(predicted: IntArray, y: IntArray, *, n_classes: int) -> IntArray:
    """Count windows by true class (row) and predicted class (column), `(n_classes, n_classes)`."""
    cells = np.bincount(y * n_classes + predicted, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


def recall(counts: IntArray) -> tuple[float | None, ...]:
    """Share of each class's windows that were recognised, from `confusion`.

    A class without a window has none.
    """
    return tuple(float(row[c] / row.sum()) if row.sum() else None for c, row in enumerate(counts))


def macro_auc(probabilities: Probabilities, y: IntArray) -> float | None:
    """Mean area under the ROC curve of each class against the rest, equal values counting half.

    The area is the Mann-Whitney statistic from midranks (Hanley and McNeil 1982). Classes that do
    not occur in `y`, or that are all of it, have no area and are left out; None if all are.

    Args:
        probabilities: `(n, n_classes)`.
        y: `(n,)` true classes.
    """
    require_probabilities(probabilities, y)
    areas = [_area(p, y == c) for c, p in enumerate(probabilities.T) if 0 < (y == c).sum() < len(y)]
    return float(np.mean(areas)) if areas else None


def answered(probabilities: Probabilities, y: IntArray, *, threshold: float) -> Answered:
    """Score only the windows whose greatest probability reaches a threshold."""
    require_probabilities(probabilities, y)
    sure = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == y
    return Answered(
        coverage=float(sure.mean()),
        accuracy=float(right[sure].mean()) if sure.any() else None,
    )


def require_probabilities(probabilities: Probabilities, y: IntArray) -> None:
    """Refuse what no figure can be made of.

    Raises:
        InvalidInputError: shapes that do not fit, rows that are no probabilities, or a class
            beyond the columns.
    """
    shapes = f"probabilities {probabilities.shape}, true classes {y.shape}"
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1] or not len(y):
        raise InvalidInputError(
            "probabilities to score", got=shapes, expected="(n, n_classes) and (n,), n >= 1"
        )
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if not (probabilities.min() >= 0 and (np.abs(sums - 1.0) < _SUM_TOLERANCE).all()):
        raise InvalidInputError(
            "probabilities to score",
            got=f"values from {probabilities.min():g}, rows that sum to {sums.min():g} "
            f"to {sums.max():g}",
            expected="0 or more, each row with the sum 1",
        )
    if y.min() < 0 or y.max() >= probabilities.shape[1]:
        raise InvalidInputError(
            "true classes to score",
            got=f"classes {y.min()} to {y.max()}",
            expected=f"0 to {probabilities.shape[1] - 1}",
            hint="Unlabelled windows are not scored: leave them out.",
        )


def midranks(values: Probabilities) -> FloatArray:
    """Rank from 1; equal values share the mean of their ranks. `(n,)` to `(n,)`."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    highest = np.cumsum(counts)
    middle: FloatArray = highest - (counts - 1) / 2.0
    return middle[inverse]


def _area(p: Probabilities, positive: BoolArray) -> float:
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    above = float(midranks(p)[positive].sum()) - n_pos * (n_pos + 1) / 2.0
    return above / (n_pos * n_neg)


def _f1(predicted: IntArray, y: IntArray, c: int) -> float:
    hits = int(((predicted == c) & (y == c)).sum())
    return 2.0 * hits / int((predicted == c).sum() + (y == c).sum())
