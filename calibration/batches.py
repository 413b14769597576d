"""What one training step sees: crops of stretches, drawn evenly over the classes, and varied."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.labelled import UNLABELLED, IntArray, LabelledWindows
from hadua.calibration.stretches import Crops, crop
from hadua.models.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What training adds that the recordings lack: lost devices, and people who differ more.

    Args:
        modality: Share of crops that lose one of their two modalities throughout.
        token: Share of windows that lose a modality, each independently.
        shift_sd: Standard deviation of an offset that each feature gets, one for a whole crop:
            people differ in level far more than a few training people show.
    """

    modality: float = 0.25
    token: float = 0.1
    shift_sd: float = 0.5


class CropSource:
    """Draws labelled crops without end; the same ones for the same generator.

    A class is drawn first, then a window of that class, then a crop around it, so that windows
    early in a stretch, late ones and short stretches are all learnt from. Every labelled window of
    a crop is a target.

    Args:
        data: Windows to draw from.
        n_classes: Number of classes of the model.
        length: Greatest number of windows of a crop.
        augmentation: What to take away and to add.
        rng: The only source of chance.

    Raises:
        InvalidInputError: a class without a single labelled window.
    """

    def __init__(
        self,
        data: LabelledWindows,
        *,
        n_classes: int,
        length: int,
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> None:
        self._data, self._length = data, length
        self._augmentation = augmentation
        self._rng = rng
        windows = data.windows
        self._both = windows.x_eeg.shape[1] > 0 and windows.x_eye.shape[1] > 0
        self._before, self._after = windows.depth() - 1, windows.remaining()
        targets = data.targets()
        self.n_targets = len(targets)
        counts = np.bincount(data.y[targets], minlength=n_classes)
        if len(counts) != n_classes or not counts.all():
            raise InvalidInputError(
                "windows to train on",
                got=f"{counts.tolist()} labelled windows per class",
                expected=f"at least one for each of {n_classes} classes",
            )
        self._pools = [targets[data.y[targets] == c] for c in range(n_classes)]

    def draw(self, n: int) -> tuple[Crops, IntArray]:
        """About `n` windows in crops, and the classes `(n_crops, T)` of those to learn from."""
        k = max(1, round(n / self._length))
        classes = self._rng.permutation((np.arange(k) + self._rng.integers(k)) % len(self._pools))
        rows = np.array([self._pools[c][self._rng.integers(len(self._pools[c]))] for c in classes])
        back = np.minimum(self._rng.integers(0, self._length, k), self._before[rows])
        starts = rows - back
        lengths = np.minimum(self._after[starts], self._length)
        crops = self._varied(crop(self._data.windows, starts, lengths=lengths))
        y = np.where(crops.valid, self._data.y[crops.rows], UNLABELLED)
        return crops, np.where(crops.present.numpy().any(axis=2), y, UNLABELLED)

    def _varied(self, crops: Crops) -> Crops:
        present = crops.present & torch.from_numpy(self._kept(crops.rows.shape))
        eeg = self._shifted(crops.eeg) * present[..., :1]
        eye = self._shifted(crops.eye) * present[..., 1:]
        return Crops(eeg, eye, present, crops.valid, crops.rows)

    def _shifted(self, x: Tensor) -> Tensor:
        """`(n, T, d)` with one random offset per crop and feature."""
        sd = np.float32(self._augmentation.shift_sd)
        if not sd:
            return x
        offset = self._rng.standard_normal((x.shape[0], 1, x.shape[2]), np.float32)
        return x + torch.from_numpy(sd * offset)

    def _kept(self, shape: tuple[int, ...]) -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
        """`(n, T, 2)` mask of what stays."""
        n, length = shape
        kept = self._rng.random((n, length, 2)) >= self._augmentation.token
        if not self._both:
            return np.ones_like(kept)
        loses = self._rng.random(n) < self._augmentation.modality
        which = self._rng.integers(0, 2, n)
        kept[loses, :, which[loses]] = False
        return kept
