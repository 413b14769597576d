"""Runs of windows short enough to hold one emotion, and the mean features of each."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import BoolArray, FloatArray
from hadua.models.runtime import Float32Array

MOST_WINDOWS = 20
"""Windows of a piece at most: a film clip's worth, where nobody says where one ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Mean features of each piece; a modality that was not measured in it has means of 0.

    Args:
        of_window: `(n,)` which piece each window is in.
        eeg: `(n_pieces, d_eeg)`.
        eye: `(n_pieces, d_eye)`.
        first: `(n_pieces,)` its first window.
    """

    of_window: IntArray
    eeg: FloatArray
    eye: FloatArray
    first: IntArray

    @classmethod
    def of(cls, windows: Windows) -> "Pieces":
        """Cut stretches into pieces of nearly equal length, none longer than `MOST_WINDOWS`."""
        depth = windows.depth() - 1
        length = depth + windows.remaining()
        parts = np.ceil(length / MOST_WINDOWS)
        part = np.floor(depth * parts / np.maximum(length, 1)).astype(np.int64)
        new = (depth == 0) | (part != np.r_[-1, part[:-1]][: len(part)])
        piece = np.cumsum(new) - 1
        eeg, eye = (
            _means(x, windows.present[:, k], piece)
            for k, x in enumerate((windows.x_eeg, windows.x_eye))
        )
        return cls(piece.astype(np.int64), eeg, eye, np.flatnonzero(new).astype(np.int64))

    def __len__(self) -> int:
        return len(self.first)

    def mean(self, values: FloatArray) -> FloatArray:
        """`(n_pieces, k)` mean over each piece of a value `(n, k)` per window."""
        every = np.ones(len(values), np.bool_)
        return _means(values, every, self.of_window)


def _means(x: Float32Array | FloatArray, present: BoolArray, piece: IntArray) -> FloatArray:
    n = int(piece[-1]) + 1 if len(piece) else 0
    total, count = np.zeros((n, x.shape[1])), np.bincount(piece[present], minlength=n)
    np.add.at(total, piece[present], x[present].astype(np.float64))
    return np.asarray(total / np.maximum(count, 1)[:, None])
