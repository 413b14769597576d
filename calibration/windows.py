"""Feature windows without any label: all that adaptation to a person may ever see."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Normalised windows, those of a stretch one after the other in time.

    A stretch is an uninterrupted run of windows of one sitting. There is no label here, nor the
    name of a stimulus, which would give the label away.

    Args:
        x_eeg: `(n, d_eeg)` normalised features, 0 where absent; d_eeg 0 if there is no EEG.
        x_eye: `(n, d_eye)` likewise.
        present: `(n, 2)`, whether EEG and eye were measured.
        subject: `(n,)` index of the person.
        session: `(n,)` number of the sitting.
        stretch: `(n,)` id of the stretch; equal ids stand together.
    """

    x_eeg: Float32Array
    x_eye: Float32Array
    present: BoolArray
    subject: IntArray
    session: IntArray
    stretch: IntArray

    def __post_init__(self) -> None:
        n = len(self.present)
        arrays = (self.subject, self.session, self.stretch)
        widths = (self.x_eeg[:, :0], self.x_eye[:, :0])
        fits = all(a.shape == (n,) for a in arrays) and all(w.shape == (n, 0) for w in widths)
        if not fits or self.present.shape != (n, 2):
            raise InvalidInputError(
                "windows: the arrays do not fit together",
                got=f"x_eeg {self.x_eeg.shape}, x_eye {self.x_eye.shape}, present "
                f"{self.present.shape}, subject {self.subject.shape}, session "
                f"{self.session.shape}, stretch {self.stretch.shape}",
                expected="one row per window in each, `present` with two columns",
            )
        if not (np.isfinite(self.x_eeg).all() and np.isfinite(self.x_eye).all()):
            raise InvalidInputError(
                "windows: a feature is not finite",
                expected="finite values, 0 where `present` is False",
            )
        borders = np.flatnonzero(np.diff(self.stretch)) + 1
        if len(np.unique(self.stretch)) != len(borders) + (n > 0):
            raise InvalidInputError(
                "windows: those of a stretch do not stand together",
                expected="every stretch id in one run of rows",
            )

    def __len__(self) -> int:
        return len(self.present)

    def pick(self, rows: IntArray | BoolArray) -> "Windows":
        """Some of the windows, by index or mask; whoever picks keeps stretches whole."""
        return Windows(
            self.x_eeg[rows],
            self.x_eye[rows],
            self.present[rows],
            self.subject[rows],
            self.session[rows],
            self.stretch[rows],
        )

    def depth(self) -> IntArray:
        """`(n,)` how many windows of its stretch end with each window, itself included."""
        starts = np.r_[True, np.diff(self.stretch) != 0] if len(self) else np.zeros(0, np.bool_)
        rows = np.arange(len(self))
        return rows - np.maximum.accumulate(np.where(starts, rows, 0)) + 1

    def remaining(self) -> IntArray:
        """`(n,)` how many windows of its stretch begin with each window, itself included."""
        ends = np.r_[np.diff(self.stretch) != 0, True] if len(self) else np.zeros(0, np.bool_)
        rows = np.arange(len(self))
        last = np.where(ends, rows, len(self))
        return np.minimum.accumulate(last[::-1])[::-1] - rows + 1


def concatenate_windows(parts: list[Windows]) -> Windows:
    """Put the windows of several recordings together; stretches of two parts never merge."""
    return Windows(
        np.concatenate([p.x_eeg for p in parts]),
        np.concatenate([p.x_eye for p in parts]),
        np.concatenate([p.present for p in parts]),
        np.concatenate([p.subject for p in parts]),
        np.concatenate([p.session for p in parts]),
        _apart([p.stretch for p in parts]),
    )


def _apart(ids: list[IntArray]) -> IntArray:
    offset, apart = 0, []
    for part in ids:
        _, inverse = np.unique(part, return_inverse=True)
        apart.append(inverse.astype(np.int64) + offset)
        offset += int(inverse.max(initial=-1)) + 1
    return np.concatenate(apart)
