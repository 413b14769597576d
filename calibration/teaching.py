"""What a teacher tells a student: pseudo-labels over time, and how much to trust them."""

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.stretches import Crops
from hadua.calibration.windows import IntArray
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork

_LEAST = 1e-6
_Lists = tuple[list[Tensor], list[Tensor]]


def smoothed(probabilities: FloatArray, stretch: IntArray, *, windows: float) -> FloatArray:
    """Average log-probabilities over the neighbours of the same stretch, and normalise again.

    Args:
        probabilities: `(n, n_classes)`.
        stretch: `(n,)` id of the stretch; equal ids stand together.
        windows: Distance at which a neighbour's weight has fallen to 1/e; 0 changes nothing.
    """
    if not windows:
        return probabilities
    mean = _averaged(np.log(np.maximum(probabilities, _LEAST)), stretch, windows)
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


class Average:
    """A teacher that is the average of its student.

    The tensors of both are listed once: to walk two networks takes longer than the arithmetic.

    Args:
        teacher: To be changed.
        student: Of the same shapes; whoever trains it changes its tensors in place.
    """

    def __init__(self, teacher: HaduaNetwork, student: HaduaNetwork) -> None:
        self._weights: _Lists = list(teacher.parameters()), list(student.parameters())
        self._statistics: _Lists = list(teacher.buffers()), list(student.buffers())

    @torch.no_grad()
    def move(self, *, keep: float) -> None:
        """Move the teacher's weights toward the student's, by `1 - keep` of the way."""
        torch._foreach_lerp_(*self._weights, 1.0 - keep)

    @torch.no_grad()
    def take_statistics(self) -> None:
        """Give the teacher the student's BatchNorm statistics as they are."""
        torch._foreach_copy_(*self._statistics)

    def is_finite(self) -> bool:
        """Whether every weight and statistic of the teacher is a number."""
        tensors = [*self._weights[0], *(b for b in self._statistics[0] if b.is_floating_point())]
        sizes = torch._foreach_norm(tensors, float("inf"))  # noqa: SLF001 - one call for all
        return bool(torch.stack(sizes).isfinite().all())


def _averaged(logs: FloatArray, stretch: IntArray, windows: float) -> FloatArray:
    """Mean of `(n, C)` over the neighbours of the same stretch, weighted by distance.

    The sum over the past, and over the future, is that over one window, then two, four, ...: each
    pass adds to a sum that of as many windows before it.
    """
    counted = np.concatenate((logs, np.ones((len(logs), 1))), axis=1)
    total = -counted  # the window itself is in both sums
    for order in (slice(None), slice(None, None, -1)):
        some, ids, reach = counted[order].copy(), stretch[order], 1
        while (near := ids[reach:] == ids[:-reach]).any():
            some[reach:] += (np.exp(-reach / windows) * near)[:, None] * some[:-reach]
            reach *= 2
        total += some[order]
    return np.asarray(total[:, :-1] / total[:, -1:])
