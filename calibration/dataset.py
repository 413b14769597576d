"""A whole data set before normalisation: what an evaluation splits, and every fold normalises."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import UNLABELLED, LabelledWindows
from hadua.calibration.windows import IntArray, Windows
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray
from hadua.models.runtime import Float32Array

MIN_COVERAGE = (0.75, 0.5)
"""Share of the EEG and of the eye features that a window needs to count as measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Windows of several people as measured, with their classes and stimuli.

    Args:
        classes: Class names; `y` indexes them.
        people: Name of each person; `subject` indexes them.
        eeg: `(n, d_eeg)` features, NaN where not measured; d_eeg 0 if there is no EEG.
        eye: `(n, d_eye)` likewise.
        y: `(n,)` class index, or `UNLABELLED`.
        subject: `(n,)` index of the person.
        session: `(n,)` number of the sitting, in order.
        stretch: `(n,)` id of the trial, in recorded order within a sitting.
        stimulus: `(n,)` what was shown; equal for all who saw the same.
    """

    classes: tuple[str, ...]
    people: tuple[str, ...]
    eeg: Float32Array
    eye: Float32Array
    y: IntArray
    subject: IntArray
    session: IntArray
    stretch: IntArray
    stimulus: IntArray

    def __post_init__(self) -> None:
        n = len(self.y)
        arrays = (self.subject, self.session, self.stretch, self.stimulus)
        if any(len(a) != n for a in (self.eeg, self.eye, *arrays)):
            raise InvalidInputError(
                "data set: the arrays do not fit together",
                got=f"{[len(a) for a in (self.eeg, self.eye, self.y, *arrays)]} rows",
                expected="one row per window in each",
            )
        if n and not (self.y.min() >= UNLABELLED and self.y.max() < len(self.classes)):
            raise InvalidInputError(
                "data set: a label without a class",
                got=f"labels from {self.y.min()} to {self.y.max()}",
                expected=f"{UNLABELLED} to {len(self.classes) - 1}",
            )

    def __len__(self) -> int:
        return len(self.y)

    def pick(self, rows: IntArray | BoolArray) -> "Dataset":
        """Some of the windows, by index or mask, people and classes as they are."""
        return Dataset(
            self.classes,
            self.people,
            self.eeg[rows],
            self.eye[rows],
            self.y[rows],
            self.subject[rows],
            self.session[rows],
            self.stretch[rows],
            self.stimulus[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Mean and standard deviation of every feature over source people.

    Args:
        mean: `(d_eeg,)` and `(d_eye,)`.
        std: Likewise, positive.
    """

    mean: tuple[FloatArray, FloatArray]
    std: tuple[FloatArray, FloatArray]


def statistics(data: Dataset) -> Statistics:
    """Statistics over people, each counting the same however long they were recorded.

    A feature that was never measured, or never varied, gets the standard deviation 1.
    """
    people = [data.subject == k for k in np.unique(data.subject)]
    eeg, eye = (_moments([x[rows] for rows in people], x.shape[1]) for x in (data.eeg, data.eye))
    return Statistics((eeg[0], eye[0]), (eeg[1], eye[1]))


def normalise(data: Dataset, source: Statistics) -> LabelledWindows:
    """Normalise by the source's statistics; what was not measured becomes 0, the source's mean."""
    x, present = [], np.zeros((len(data), 2), np.bool_)
    for k, values in enumerate((data.eeg, data.eye)):
        measured = np.isfinite(values)
        if values.shape[1]:
            present[:, k] = measured.mean(axis=1) >= MIN_COVERAGE[k]
        z = (np.where(measured, values, 0.0) - source.mean[k]) / source.std[k]
        x.append(np.where(measured & present[:, k, None], z, 0.0).astype(np.float32))
    windows = Windows(x[0], x[1], present, data.subject, data.session, data.stretch)
    return LabelledWindows(windows, data.y)


def _moments(tables: list[Float32Array], width: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the columns of tables that all weigh the same."""
    total, first, second = np.zeros(width), np.zeros(width), np.zeros(width)
    shift = np.zeros(width)
    for k, table in enumerate(tables):
        measured = np.isfinite(table)
        n = np.maximum(measured.sum(axis=0), 1)
        x = np.where(measured, table, 0.0).astype(np.float64)
        if k == 0:  # near the mean, so that squares do not cancel
            shift = x.sum(axis=0) / n
        centred = np.where(measured, x - shift, 0.0)
        total += measured.any(axis=0)
        first += centred.sum(axis=0) / n
        second += (centred**2).sum(axis=0) / n
    people = np.maximum(total, 1)
    mean = first / people
    sd = np.sqrt(np.maximum(second / people - mean**2, 0.0))
    mean = mean + shift
    return mean, np.where(sd > 1e-6 * np.maximum(np.abs(mean), 1.0), sd, 1.0)
