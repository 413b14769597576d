"""Pseudo-labels of a person's pieces: self-training in closed form, never from one's own label.

Begins with an opinion that comes from the source people. Then, again and again, a linear
discriminant is fitted to the person's own pieces and their present labels, and gives new ones; but
to each piece only from other pieces (cross-fitting). A wrong label that nothing in the rest of the
recording supports is not repeated but corrected, whereas a network that learns its own
pseudo-labels confirms them. The opinion stays in every round's answer, the person's own
discriminant weighs the more the more pieces there are, and the labels are aligned (arXiv
2601.21488, equations 16 and 17), with exponent 1/2.
"""

import numpy as np

from hadua.calibration.pieces import Pieces
from hadua.calibration.trusting import believed
from hadua.calibration.windows import IntArray
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax

ROUNDS = 12
PARTS = 5
REPEATS = 4
SHRINKAGE = 0.95
ALIGNMENT = 0.5
SPREAD = 12.0
"""Standard deviation of the discriminant's logits with pieces without end."""
HALF_SPREAD_PIECES = 60.0
"""Pieces with which it is half of that."""
RATIO_BOUNDS = (0.1, 10.0)
_PRIOR_PIECES = 2.0


def read(
    pieces: Pieces,
    opinion: FloatArray,
    *,
    rng: np.random.Generator,
    alignment: float = ALIGNMENT,
    told: IntArray | None = None,
) -> FloatArray:
    """Probabilities `(n_pieces, n_classes)`.

    Args:
        pieces: Of one person.
        opinion: `(n_pieces, n_classes)` logits to begin with.
        rng: Splits the pieces.
        alignment: Exponent of the alignment to uniform; 0 for none.
        told: `(n_pieces,)` class that somebody has told of each, or `UNTOLD`; None for of none.
    """
    x = np.hstack((pieces.eeg, pieces.eye))
    p = _with_told(softmax(opinion), told)
    spread = SPREAD * len(x) / (len(x) + HALF_SPREAD_PIECES)
    for _ in range(ROUNDS if len(x) > 1 else 0):
        own = np.sum([cross_fitted(x, p, rng=rng) for _ in range(REPEATS)], axis=0)
        own -= own.mean(axis=1, keepdims=True)
        deviation = float(own.std())
        p = softmax(opinion + (spread / deviation if deviation else 0.0) * own)
        p = _with_told(_aligned(p, alignment), told)
    return p


def cross_fitted(x: FloatArray, p: FloatArray, *, rng: np.random.Generator) -> FloatArray:
    """Discriminant scores `(n, C)` of every row, from the labels of other rows alone."""
    out = np.zeros_like(p)
    part = rng.permutation(len(x)) % min(PARTS, len(x))
    for k in np.unique(part):
        asked = part == k
        out[asked] = _discriminant_scores(x[~asked], p[~asked], x[asked])
    return out


def _discriminant_scores(x: FloatArray, p: FloatArray, asked: FloatArray) -> FloatArray:
    """Linear discriminant with soft labels and shrunken scatter, solved in the space of rows.

    With r the deviations from the class means, scatter = a I + b r'r; its inverse comes from a
    matrix of n x n (Woodbury), for there are far fewer pieces than features.
    """
    n = len(x)
    mass, centre = p.sum(axis=0)[:, None], x.mean(axis=0)
    means = (p.T @ x + _PRIOR_PIECES * centre) / (mass + _PRIOR_PIECES)
    r, apart = x - p @ means, (means - centre).T
    mean_square = float((r**2).mean()) or 1.0
    a, b = SHRINKAGE * mean_square, (1.0 - SHRINKAGE) / n
    inner = np.linalg.solve(a / b * np.eye(n) + r @ r.T, r @ apart)
    weights = (apart - r.T @ inner) / a
    bias = -0.5 * np.einsum("cd,dc->c", means + centre, weights)
    return np.asarray(asked @ weights + bias)


def _with_told(p: FloatArray, told: IntArray | None) -> FloatArray:
    return p if told is None else believed(p, told)


def _aligned(p: FloatArray, strength: float) -> FloatArray:
    ratio = np.clip(1.0 / p.shape[1] / np.maximum(p.mean(axis=0), 1e-9), *RATIO_BOUNDS)
    q = p * ratio**strength
    return np.asarray(q / q.sum(axis=1, keepdims=True))
