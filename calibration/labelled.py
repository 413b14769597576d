"""Labelled feature windows of several people, and the token sequences that a network may see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array

IntArray = npt.NDArray[np.int64]
UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class LabelledWindows:
    """Normalised windows, those of a stretch one after the other in time.

    A stretch is an uninterrupted run of windows of one recording. Windows labelled `UNLABELLED` are
    never a target and never scored, but they are the past that later windows look back on.

    Args:
        x_eeg: `(n, d_eeg)` normalised features, 0 where absent; d_eeg 0 if there is no EEG.
        x_eye: `(n, d_eye)` likewise.
        present: `(n, 2)`, whether EEG and eye were measured.
        y: `(n,)` class index or `UNLABELLED`.
        subject: `(n,)` index of the person.
        stretch: `(n,)` id of the stretch; equal ids stand together.
    """

    x_eeg: Float32Array
    x_eye: Float32Array
    present: BoolArray
    y: IntArray
    subject: IntArray
    stretch: IntArray

    def __post_init__(self) -> None:
        n = len(self.y)
        shapes = [
            a.shape for a in (self.x_eeg[:, :0], self.x_eye[:, :0], self.subject, self.stretch)
        ]
        if shapes != [(n, 0), (n, 0), (n,), (n,)] or self.present.shape != (n, 2):
            raise InvalidInputError(
                "labelled windows: the arrays do not fit together",
                got=f"x_eeg {self.x_eeg.shape}, x_eye {self.x_eye.shape}, present "
                f"{self.present.shape}, y {self.y.shape}, subject {self.subject.shape}, "
                f"stretch {self.stretch.shape}",
                expected="one row per window in each, `present` with two columns",
            )
        if not (np.isfinite(self.x_eeg).all() and np.isfinite(self.x_eye).all()):
            raise InvalidInputError(
                "labelled windows: a feature is not finite",
                expected="finite values, 0 where `present` is False",
            )
        borders = np.flatnonzero(np.diff(self.stretch)) + 1
        if len(np.unique(self.stretch)) != len(borders) + (n > 0):
            raise InvalidInputError(
                "labelled windows: the windows of a stretch do not stand together",
                expected="every stretch id in one run of rows",
            )

    def __len__(self) -> int:
        return len(self.y)

    def of(self, subjects: IntArray) -> "LabelledWindows":
        """The windows of some people only."""
        keep = np.isin(self.subject, subjects)
        return LabelledWindows(
            self.x_eeg[keep],
            self.x_eye[keep],
            self.present[keep],
            self.y[keep],
            self.subject[keep],
            self.stretch[keep],
        )

    def depth(self) -> IntArray:
        """`(n,)` how many windows of its stretch end with each window, itself included."""
        starts = np.r_[True, np.diff(self.stretch) != 0] if len(self) else np.zeros(0, np.bool_)
        rows = np.arange(len(self))
        return rows - np.maximum.accumulate(np.where(starts, rows, 0)) + 1

    def targets(self) -> IntArray:
        """Rows that have a label and of which at least one modality was measured."""
        return np.flatnonzero((self.y != UNLABELLED) & self.present.any(axis=1))


def concatenate(parts: list[LabelledWindows]) -> LabelledWindows:
    """Put the windows of several recordings together; stretches of two parts never merge."""
    offset, stretches = 0, []
    for part in parts:
        _, ids = np.unique(part.stretch, return_inverse=True)
        stretches.append(ids.astype(np.int64) + offset)
        offset += int(ids.max(initial=-1)) + 1
    return LabelledWindows(
        np.concatenate([p.x_eeg for p in parts]),
        np.concatenate([p.x_eye for p in parts]),
        np.concatenate([p.present for p in parts]),
        np.concatenate([p.y for p in parts]),
        np.concatenate([p.subject for p in parts]),
        np.concatenate(stretches),
    )


def sequences(targets: IntArray, *, length: int) -> IntArray:
    """Rows `(n_targets, length)` of the windows up to each target, oldest first.

    The caller sees to it that no target has a `depth` below `length`.
    """
    return targets[:, None] + np.arange(1 - length, 1)
