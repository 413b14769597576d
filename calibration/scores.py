"""How good predicted classes are, with the figure that guessing would reach beside it."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.models.errors import InvalidInputError


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


def _f1(predicted: IntArray, y: IntArray, c: int) -> float:
    hits = int(((predicted == c) & (y == c)).sum())
    return 2.0 * hits / int((predicted == c).sum() + (y == c).sum())
