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
from hadua.models.features import BoolArray, FloatArray, Modality
from hadua.models.runtime import Float32Array

WEIGHT_BOUNDS = (0.5, 2.0)
"""How much more or less than others a window of a rare or a common class may count."""
_LEAST = 1e-12


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
    collected = joined([p.windows for p in pieces])
    windows = normalised(collected, begin, stretch=np.zeros(len(collected), np.int64))
    weights = np.repeat(_weights(pieces), [len(p.windows) for p in pieces])
    out = {}
    tables = (collected.eeg, windows.x_eeg), (collected.eye, windows.x_eye)
    for m, (measured, x) in zip(MODALITIES, tables, strict=True):
        if m not in begin:
            continue
        each = weights[:, None] * np.isfinite(measured)
        mean, std = _moments(x.astype(np.float64), each, prior_windows)
        out[m] = Normalisation(begin[m].mean + begin[m].std * mean, begin[m].std * std)
    return out


def distance(
    pieces: Sequence[Piece], begin: Mapping[Modality, Normalisation]
) -> tuple[FloatArray, int]:
    """How far the mean of each feature lies from the start's, in deviations, and of how many."""
    if not pieces:
        return np.zeros(0), 0
    collected = joined([p.windows for p in pieces])
    windows = normalised(collected, begin, stretch=np.zeros(len(collected), np.int64))
    means = [
        _mean_of_measured(x, np.isfinite(measured))
        for measured, x in ((collected.eeg, windows.x_eeg), (collected.eye, windows.x_eye))
    ]
    return np.concatenate(means), len(collected)


def _weights(pieces: Sequence[Piece]) -> FloatArray:
    """`(n,)` of each piece, so that classes count alike within bounds; their mean is 1."""
    counts = Counter(p.label for p in pieces)
    even = len(pieces) / len(counts)
    weights = np.clip([even / counts[p.label] for p in pieces], *WEIGHT_BOUNDS)
    return np.asarray(weights / weights.mean())


def _mean_of_measured(x: Float32Array, measured: BoolArray) -> FloatArray:
    """Mean of each feature that was ever measured."""
    n = measured.sum(axis=0)
    total = np.where(measured, x, 0.0).sum(axis=0, dtype=np.float64)
    return np.asarray(total[n > 0] / n[n > 0])


def _moments(x: FloatArray, w: FloatArray, prior: float) -> tuple[FloatArray, FloatArray]:
    """Mean and deviation `(d,)` of values weighted by `w`, both `(n, d)`.

    A prior of mean 0 and variance 1 adds; a value that was not measured weighs nothing.
    """
    total = w.sum(axis=0) + prior
    some = np.maximum(total, _LEAST)
    mean = (w * x).sum(axis=0) / some
    spread = (w * (x - mean) ** 2).sum(axis=0) + prior * (1.0 + mean**2)
    variance = spread / some
    return mean, np.where(variance > 1e-8, np.sqrt(variance), 1.0)
