"""What source people agree on: a linear opinion of the class that every one of them had a say in.

A network learns what tells the classes apart in the people it saw, much of which is theirs alone;
of a new person it can be wrong in a way that no entropy shows. What carries over is what holds in
person after person, and that can be measured: leave each source person out in turn, learn a linear
discriminant of each modality from the others, and see how far it points the right way in the one
left out. A modality's say is the mean of that over its variance, so one that is right by the same
amount in everybody counts more than one that is very right in some and wrong in others.

The opinion is of a piece, the mean of about a film clip, not of a window.
"""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import UNLABELLED, IntArray, LabelledWindows
from hadua.calibration.pieces import Pieces
from hadua.calibration.temperature import fit_temperature
from hadua.models.features import FloatArray
from hadua.models.runtime import Float32Array

MIN_PEOPLE = 3
SHRINKAGE = 0.3
"""Share of the scatter that is replaced by its mean on the diagonal."""


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """Two linear maps; it holds no window of anybody.

    Args:
        eeg: `(d_eeg, n_classes)`.
        eye: `(d_eye, n_classes)`.
    """

    eeg: FloatArray
    eye: FloatArray

    def logits(self, pieces: Pieces) -> FloatArray:
        """`(n_pieces, n_classes)`, zero where nothing was measured."""
        return np.asarray(pieces.eeg @ self.eeg + pieces.eye @ self.eye)

    def arrays(self) -> dict[str, Float32Array]:
        """As a bundle stores it."""
        return {
            "consensus_eeg": self.eeg.astype(np.float32),
            "consensus_eye": self.eye.astype(np.float32),
        }

    @classmethod
    def of(cls, source: LabelledWindows, *, n_classes: int) -> "Consensus | None":
        """Learn it from people whose windows are standardised person by person.

        None if fewer than `MIN_PEOPLE` have every class: there is nothing to compare then.
        """
        pieces = Pieces.of(source.windows)
        y = _class_of_pieces(source, pieces, n_classes)
        known = y != UNLABELLED
        y, who = y[known], source.windows.subject[pieces.first][known]
        whole = [k for k in np.unique(who) if len(np.unique(y[who == k])) == n_classes]
        kept = np.isin(who, whole)
        if len(whole) < MIN_PEOPLE:
            return None
        y, who = y[kept], who[kept]
        sides = [_Side.of(x[known][kept], y, who, n_classes) for x in (pieces.eeg, pieces.eye)]
        held_out = np.sum([side.say * side.held_out for side in sides], axis=0)
        spread = float(held_out.std())
        scale = 1.0 / (spread * fit_temperature(held_out / spread, y)) if spread else 0.0
        eeg, eye = (side.weights * side.say * scale for side in sides)
        return cls(eeg, eye)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One modality: its map, what it said of each person left out, and how much say it has."""

    weights: FloatArray
    held_out: FloatArray
    say: float

    @classmethod
    def of(cls, x: FloatArray, y: IntArray, who: IntArray, n_classes: int) -> "_Side":
        held_out, right = np.zeros((len(x), n_classes)), []
        if not x.shape[1]:
            return cls(np.zeros((0, n_classes)), held_out, 0.0)
        for k in np.unique(who):
            own = who == k
            weights = discriminant(x[~own], y[~own], who[~own], n_classes)
            held_out[own] = x[own] @ weights
            right.append(_points_right(held_out[own], y[own], n_classes))
        variance = float(np.var(right, ddof=1))
        say = max(float(np.mean(right)), 0.0) / variance if variance > 0.0 else 0.0
        return cls(discriminant(x, y, who, n_classes), held_out, say)


def discriminant(x: FloatArray, y: IntArray, who: IntArray, n_classes: int) -> FloatArray:
    """`(d, n_classes)` of Fisher's discriminant of class means that weigh people alike.

    The scatter is that of pieces around the mean of their class in their person plus that of
    persons around the mean of all; each row of the result sums to 0 over the classes.
    """
    means = np.stack(
        [[x[(who == k) & (y == c)].mean(axis=0) for c in range(n_classes)] for k in np.unique(who)]
    )
    row = np.searchsorted(np.unique(who), who)
    within = x - means[row, y]
    apart = means - means.mean(axis=1, keepdims=True)
    common = apart.mean(axis=0)
    between = (apart - common).reshape(-1, x.shape[1])
    scatter = within.T @ within / len(within) + between.T @ between / len(between)
    d = len(scatter)
    ridge = SHRINKAGE * np.trace(scatter) / d + np.finfo(np.float64).tiny
    return np.linalg.solve((1.0 - SHRINKAGE) * scatter + ridge * np.eye(d), common.T)


def _points_right(logits: FloatArray, y: IntArray, n_classes: int) -> float:
    """How far a class's own logit lies above its others', mean over the classes."""
    means = np.stack([logits[y == c].mean(axis=0) for c in range(n_classes)])
    return float((n_classes * np.trace(means) - means.sum()) / (n_classes * (n_classes - 1)))


def _class_of_pieces(source: LabelledWindows, pieces: Pieces, n_classes: int) -> IntArray:
    """The most frequent class of each piece's labelled windows."""
    counts = np.zeros((len(pieces), n_classes))
    there = source.y != UNLABELLED
    np.add.at(counts, (pieces.of_window[there], source.y[there]), 1)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), UNLABELLED)
