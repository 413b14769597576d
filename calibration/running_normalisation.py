"""A person's level and spread followed through a stream, without following the stream's classes.

A plain running z-score removes the very states that are to be recognised: in a stretch of one class
it takes the class for the person. Here every predicted class counts the same as far as there is
some of it, and what was in force at the start counts like a fixed number of windows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from hadua.calibration.buffer import Piece
from hadua.calibration.collected import MODALITIES, joined
from hadua.calibration.preparing import normalised
from hadua.models.bundle import Normalisation
from hadua.models.features import FloatArray, Modality

WEIGHT_BOUNDS = (0.5, 2.0)
"""How much more or less than others a window of a rare or a common class may count."""


def followed(
    pieces: Sequence[Piece], begin: Mapping[Modality, Normalisation], *, prior_windows: float
) -> dict[Modality, Normalisation]:
    """What normalises from now on.

    Args:
        pieces: Of this sitting; none leaves it as it was.
        begin: What was in force at its start.
        prior_windows: Windows that it counts like.
    """
    if not pieces:
        return dict(begin)
    windows = normalised(
        joined([p.windows for p in pieces]),
        begin,
        stretch=np.repeat(np.arange(len(pieces)), [len(p.windows) for p in pieces]),
    )
    weights = np.repeat(_weights(pieces), [len(p.windows) for p in pieces])
    out = {}
    for k, m in enumerate(MODALITIES):
        if m not in begin:
            continue
        there = windows.present[:, k]
        x = (windows.x_eeg, windows.x_eye)[k][there].astype(np.float64)
        mean, std = _moments(x, weights[there], prior_windows)
        out[m] = Normalisation(begin[m].mean + begin[m].std * mean, begin[m].std * std)
    return out


def distance(
    pieces: Sequence[Piece], begin: Mapping[Modality, Normalisation]
) -> tuple[FloatArray, int]:
    """How far the mean of each feature lies from the start's, in deviations, and of how many."""
    if not pieces:
        return np.zeros(0), 0
    collected = joined([p.windows for p in pieces])
    windows = normalised(collected, begin, stretch=np.arange(len(collected)))
    means = [
        x[there].mean(axis=0)
        for x, there in zip((windows.x_eeg, windows.x_eye), windows.present.T, strict=True)
        if there.any() and x.shape[1]
    ]
    return np.concatenate(means).astype(np.float64) if means else np.zeros(0), len(collected)


def _weights(pieces: Sequence[Piece]) -> FloatArray:
    """`(n,)` of each piece, so that classes count alike within bounds; their mean is 1."""
    counts = Counter(p.label for p in pieces)
    even = len(pieces) / len(counts)
    weights = np.clip([even / counts[p.label] for p in pieces], *WEIGHT_BOUNDS)
    return np.asarray(weights / weights.mean())


def _moments(x: FloatArray, w: FloatArray, prior: float) -> tuple[FloatArray, FloatArray]:
    """Mean and deviation `(d,)` of weighted rows and a prior of mean 0 and variance 1."""
    total = float(w.sum()) + prior
    if not total or not len(x):
        return np.zeros(x.shape[1]), np.ones(x.shape[1])
    mean = (w[:, None] * x).sum(axis=0) / total
    spread = (w[:, None] * (x - mean) ** 2).sum(axis=0) + prior * (1.0 + mean**2)
    variance = spread / total
    return mean, np.where(variance > 1e-8, np.sqrt(np.maximum(variance, 0.0)), 1.0)
