"""Told classes in a calibration: what they do to a reading, and to what is learnt from.

A told piece is believed to `TRUSTED_SHARE` and counts `TRUSTED_WEIGHT` times, as in the online
loop. And a reading that is sure of itself with the classes under each other's names, which nothing
but a label can tell, is given other names if told pieces ask for it: a permutation is a hypothesis,
each told piece is right with `TRUSTED_SHARE` under it, and the names as they were are likelier
beforehand.
"""

import math
from itertools import permutations

import numpy as np

from hadua.calibration.told import LEAST_SHARE, TRUSTED_SHARE
from hadua.calibration.windows import IntArray
from hadua.models.features import FloatArray

UNTOLD = -1
AS_NAMED = 0.95
"""Share of people whose reading has the right names: 76 of 80 of development populations."""
MOST_CLASSES = 7
"""Beyond that there are too many permutations to look at, and names stay."""


def of_pieces(told: IntArray, piece: IntArray) -> IntArray:
    """The class told of at least half of each piece's windows, or `UNTOLD`.

    Args:
        told: `(n,)` class that was told of each window, or `UNTOLD`.
        piece: `(n,)` which piece each window is in, from 0 on.
    """
    known = told != UNTOLD
    counts = np.zeros((int(piece.max(initial=-1)) + 1, int(told.max(initial=0)) + 1))
    np.add.at(counts, (piece[known], told[known]), 1.0)
    enough = counts.max(axis=1) >= LEAST_SHARE * np.bincount(piece)
    return np.where(enough, counts.argmax(axis=1), UNTOLD)


def believed(p: FloatArray, told: IntArray) -> FloatArray:
    """Probabilities `(n, n_classes)` with those of told rows replaced.

    Args:
        p: What was read or predicted.
        told: `(n,)` class that was told of each, or `UNTOLD`.
    """
    known, n_classes = told != UNTOLD, p.shape[1]
    out = p.copy()
    out[known] = (1.0 - TRUSTED_SHARE) / (n_classes - 1)
    out[known, told[known]] = TRUSTED_SHARE
    return out


def names(p: FloatArray, told: IntArray) -> IntArray:
    """`(n_classes,)`: which column of a reading is likeliest to be each class.

    Args:
        p: `(n_pieces, n_classes)` as read without what was told.
        told: `(n_pieces,)` class that was told of each, or `UNTOLD`.
    """
    n_classes = p.shape[1]
    known = np.flatnonzero(told != UNTOLD)
    if not len(known) or n_classes > MOST_CLASSES:
        return np.arange(n_classes)
    wrong = (1.0 - TRUSTED_SHARE) / (n_classes - 1)
    # Of what is class j with p_j, j is told with TRUSTED_SHARE, and any other class rarely.
    said = np.log(wrong + (TRUSTED_SHARE - wrong) * p[known])
    other = math.log((1.0 - AS_NAMED) / (math.factorial(n_classes) - 1))
    best, most = np.arange(n_classes), -math.inf
    for order in permutations(range(n_classes)):
        columns = np.array(order)
        before = other if (columns != np.arange(n_classes)).any() else math.log(AS_NAMED)
        likely = before + float(said[np.arange(len(known)), columns[told[known]]].sum())
        if likely > most:
            best, most = columns, likely
    return best
