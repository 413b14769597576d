"""Batches of a person's windows, and what a network makes of a batch."""

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.stretches import Crops, crop
from hadua.calibration.windows import Windows
from hadua.models.network import HaduaNetwork


class TargetSource:
    """Draws crops around a person's windows, every measured window as likely as another.

    Args:
        windows: What was seen of the person.
        length: Greatest number of windows of a crop.
    """

    def __init__(self, windows: Windows, *, length: int) -> None:
        self._windows, self._length = windows, length
        self._before, self._after = windows.depth() - 1, windows.remaining()
        self._rows = np.flatnonzero(windows.present.any(axis=1))

    def __len__(self) -> int:
        """Windows in which something was measured."""
        return len(self._rows)

    def draw(self, n: int, rng: np.random.Generator) -> Crops:
        """About `n` windows in crops; there must be a measured window."""
        k = max(1, round(n / self._length))
        rows = rng.choice(self._rows, k, replace=k > len(self._rows))
        starts = rows - np.minimum(rng.integers(0, self._length, k), self._before[rows])
        lengths = np.minimum(self._after[starts], self._length)
        return crop(self._windows, starts, lengths=lengths)


def answers(network: HaduaNetwork, crops: Crops) -> tuple[Tensor, Tensor]:
    """Fused features `(n, 384)` and logits `(n, n_classes)` of the measured windows of crops."""
    fused = network.fuse_sequence(crops.eeg, crops.eye, crops.present)[measured(crops)]
    return fused, network.classifier(fused)


def measured(crops: Crops) -> Tensor:
    """`(n, T)` bool: windows that are not filled up and of which something was measured."""
    return torch.from_numpy(crops.valid) & crops.present.any(dim=2)


def crop_length(context: int) -> int:
    """Windows of a crop: one for a network without a past, else twice what an answer looks at."""
    return 1 if context == 1 else 2 * context
