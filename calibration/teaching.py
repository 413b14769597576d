"""What a teacher tells a student: pseudo-labels over time, and how much to trust them."""

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.stretches import Crops
from hadua.calibration.windows import IntArray
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork

_LEAST = 1e-6


def smoothed(probabilities: FloatArray, stretch: IntArray, *, windows: float) -> FloatArray:
    """Average log-probabilities over the neighbours of the same stretch, and normalise again.

    Args:
        probabilities: `(n, n_classes)`.
        stretch: `(n,)` id of the stretch; equal ids stand together.
        windows: Distance at which a neighbour's weight has fallen to 1/e; 0 changes nothing.
    """
    if not windows:
        return probabilities
    logs = np.log(np.maximum(probabilities, _LEAST))
    starts = np.flatnonzero(np.r_[True, np.diff(stretch) != 0][: len(stretch)])
    means = [_averaged(part, windows) for part in np.split(logs, starts[1:])]
    mean = np.concatenate(means)
    p = np.exp(mean - mean.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def mixed(p: FloatArray, q: FloatArray, *, share: float) -> FloatArray:
    """Geometric mean of two predictions `(n, n_classes)`, `share` of it from the second."""
    logs = (1.0 - share) * np.log(np.maximum(p, _LEAST)) + share * np.log(np.maximum(q, _LEAST))
    mean = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def noisy(crops: Crops, *, noise_sd: float, drop: float) -> Crops:
    """The same windows with Gaussian noise on their features and without some of these."""

    def view(x: Tensor) -> Tensor:
        return (x + noise_sd * torch.randn_like(x)) * (torch.rand_like(x) >= drop)

    return Crops(view(crops.eeg), view(crops.eye), crops.present, crops.valid, crops.rows)


def average_into(teacher: HaduaNetwork, student: HaduaNetwork, *, keep: float) -> None:
    """Move the teacher's weights toward the student's, by `1 - keep` of the way."""
    of_teacher: list[Tensor] = list(teacher.parameters())
    of_student: list[Tensor] = list(student.parameters())
    with torch.no_grad():
        torch._foreach_lerp_(of_teacher, of_student, 1.0 - keep)


def take_statistics(teacher: HaduaNetwork, student: HaduaNetwork) -> None:
    """Give the teacher the student's BatchNorm statistics as they are."""
    for of_teacher, of_student in zip(teacher.buffers(), student.buffers(), strict=True):
        of_teacher.copy_(of_student)


def _averaged(logs: FloatArray, windows: float) -> FloatArray:
    """Both one-sided exponential averages of `(n, C)`, each window counting once, normalised."""
    n, decay = len(logs), np.exp(-1.0 / windows)
    past, weight = np.zeros_like(logs), np.zeros((n, 1))
    for rows in (range(n), range(n - 1, -1, -1)):
        total, mass = np.zeros(logs.shape[1]), 0.0
        for k in rows:
            past[k] += total
            weight[k] += mass
            total, mass = decay * (total + logs[k]), decay * (mass + 1.0)
    return np.asarray((past + logs) / (weight + 1.0))
