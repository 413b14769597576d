"""What one training step sees: sequences drawn evenly over the classes, with senses taken away."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import IntArray, LabelledWindows, sequences
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Token sequences and their classes.

    Args:
        eeg: `(n, T, d_eeg)`, 0 where absent.
        eye: `(n, T, d_eye)` likewise.
        present: `(n, T, 2)`.
        y: `(n,)` class of the newest window.
    """

    eeg: Float32Array
    eye: Float32Array
    present: BoolArray
    y: IntArray


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What training adds that the recordings lack: lost devices, and people who differ more.

    Args:
        modality: Share of sequences that lose one of their two modalities throughout.
        token: Share of older windows that lose a modality, each independently.
        short: Share of batches whose history is cut to a random length, as at a session's start.
        shift_sd: Standard deviation of an offset that each feature gets, one for a whole sequence:
            people differ in level far more than a few training people show.
    """

    modality: float = 0.25
    token: float = 0.1
    short: float = 0.25
    shift_sd: float = 0.5


class BatchSource:
    """Draws batches without end; the same ones for the same generator.

    Args:
        data: Windows to draw from.
        n_classes: Number of classes of the model.
        context: Greatest sequence length.
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
        context: int,
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> None:
        self._data = data
        self._augmentation = augmentation
        self._rng = rng
        self._both = data.x_eeg.shape[1] > 0 and data.x_eye.shape[1] > 0
        targets, depth = data.targets(), data.depth()
        self.n_targets = len(targets)
        counts = np.bincount(data.y[targets], minlength=n_classes)
        if len(counts) != n_classes or not counts.all():
            raise InvalidInputError(
                "windows to train on",
                got=f"{counts.tolist()} labelled windows per class",
                expected=f"at least one for each of {n_classes} classes",
            )
        self._pools = [
            [targets[(data.y[targets] == c) & (depth[targets] >= t)] for c in range(n_classes)]
            for t in range(1, context + 1)
        ]

    def draw(self, n: int) -> Batch:
        """`n` sequences of one common length, classes evenly, with replacement."""
        length = self._length()
        pools = self._pools[length - 1]
        classes = self._rng.permutation(np.arange(n) % len(pools))
        rows = np.array([pools[c][self._rng.integers(len(pools[c]))] for c in classes])
        return self._batch(sequences(rows, length=length), self._data.y[rows])

    def _length(self) -> int:
        """The full context, now and then a shorter one, always one that every class can fill."""
        longest = max(t for t, pools in enumerate(self._pools, 1) if all(len(p) for p in pools))
        if self._rng.random() < self._augmentation.short:
            return int(self._rng.integers(1, longest + 1))
        return longest

    def _batch(self, rows: IntArray, y: IntArray) -> Batch:
        present = self._data.present[rows] & self._kept(rows.shape)
        eeg = self._shifted(self._data.x_eeg[rows]) * present[..., :1]
        eye = self._shifted(self._data.x_eye[rows]) * present[..., 1:]
        return Batch(eeg, eye, present, y)

    def _shifted(self, x: Float32Array) -> Float32Array:
        """`(n, T, d)` with one random offset per sequence and feature."""
        offset = self._rng.standard_normal((len(x), 1, x.shape[2]), np.float32)
        return x + np.float32(self._augmentation.shift_sd) * offset

    def _kept(self, shape: tuple[int, ...]) -> BoolArray:
        """`(n, T, 2)` mask that never takes both modalities from a sequence's newest window."""
        n, length = shape
        kept = self._rng.random((n, length, 2)) >= self._augmentation.token
        kept[:, -1] = True
        if not self._both:
            return kept
        loses = self._rng.random(n) < self._augmentation.modality
        which = self._rng.integers(0, 2, n)
        kept[loses, :, which[loses]] = False
        return kept
