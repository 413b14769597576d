"""The last T windows of both modalities, as the network takes them."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from hadua.adapters.state import Fields
from hadua.models.features import BoolArray, FeatureSpec, FloatArray, Modality
from hadua.models.runtime import Float32Array

MODALITIES = (Modality.EEG, Modality.EYE)


class TokenContext:
    """A sliding stretch of consecutive windows, oldest first, at most `context` long.

    A hole in the grid of windows (after a long gap) begins a new stretch: the network was never
    shown one with a hole in it.

    Args:
        specs: Feature spec of each input of the network.
        context: Greatest number of windows the network looks at.
    """

    STATE: ClassVar[Fields] = {
        "_values": list[Float32Array],
        "_present": BoolArray,
        "_filled": int,
        "_end_s": float | None,
    }

    def __init__(self, specs: Mapping[Modality, FeatureSpec], *, context: int) -> None:
        self._context = context
        self._hop_s = next(iter(specs.values())).hop_s
        widths = [len(specs[m].names) if m in specs else 0 for m in MODALITIES]
        self._values = [np.zeros((context, width), np.float32) for width in widths]
        self._present = np.zeros((context, len(MODALITIES)), np.bool_)
        self._filled = 0
        self._end_s: float | None = None

    def __len__(self) -> int:
        return self._filled

    def clear(self) -> None:
        """Forget all windows."""
        self._filled = 0
        self._end_s = None

    def push(self, end_s: float, values: Mapping[Modality, FloatArray]) -> None:
        """Append the window that ends at `end_s`; a modality that is not in `values` is absent."""
        if self._end_s is not None and end_s - self._end_s > 1.5 * self._hop_s:
            self._filled = 0
        self._end_s = end_s
        for block in (*self._values, self._present):
            block[:-1] = block[1:]
        for k, modality in enumerate(MODALITIES):
            self._present[-1, k] = modality in values
            self._values[k][-1] = values.get(modality, 0.0)
        self._filled = min(self._filled + 1, self._context)

    def tokens(self) -> tuple[Float32Array, Float32Array, BoolArray]:
        """EEG `(1, T, d_eeg)`, eye `(1, T, d_eye)`, present `(1, T, 2)`; views until `push`."""
        eeg, eye = (block[None, -self._filled :] for block in self._values)
        return eeg, eye, self._present[None, -self._filled :]
