"""A bounded memory of a person's stream that no single class, clip or minute can fill.

A stream of film clips is label-blocked: its last hundred windows often have one class. Following
RoTTA (Yuan, Xie, Li 2023, arXiv 2303.13899) and NOTE (Gong et al. 2022, arXiv 2208.05117), what is
kept is balanced over the predicted classes; beyond that no stretch of time gets more than its
share, and inside a class the most redundant goes first. It holds pieces, runs of neighbouring
windows, for a window without its past is not what the network sees.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hadua.calibration.collected import MODALITIES, Collected
from hadua.models.bundle import Normalisation
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Modality
from hadua.models.runtime import Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A run of neighbouring windows of one stretch.

    Args:
        windows: As measured, one after the other.
        stretch: Id of the stretch of time that they belong to.
        probabilities: `(n_classes,)` mean of what was predicted of them.
        place: `(d,)` where they lie among others, for redundancy; finite.
        trusted: Class that somebody has told, or None.
        sure: Whether what was predicted may be learnt from; level and spread are in any case.
        own: What normalises it, if it is of an earlier sitting; None for what is in force.
        number: Counts the pieces of a stream: the higher, the newer.
    """

    windows: Collected
    stretch: int
    probabilities: FloatArray
    place: FloatArray
    trusted: int | None = None
    sure: bool = True
    own: Mapping[Modality, Normalisation] | None = None
    number: int = 0

    @property
    def label(self) -> int:
        """The class that was told, or the likeliest."""
        return int(self.probabilities.argmax()) if self.trusted is None else self.trusted

    def in_units_of(self, now: Mapping[Modality, Normalisation]) -> Collected:
        """Its windows as they would have been measured in the sitting that `now` normalises."""
        if self.own is None:
            return self.windows
        eeg, eye = (
            _moved(x, self.own.get(m), now.get(m))
            for m, x in zip(MODALITIES, (self.windows.eeg, self.windows.eye), strict=True)
        )
        return replace(self.windows, eeg=eeg, eye=eye)


class PieceBuffer:
    """Keeps at most so many pieces.

    Args:
        capacity: Most pieces.
        per_stretch: Most pieces of one stretch.
    """

    def __init__(self, *, capacity: int, per_stretch: int) -> None:
        if capacity < 2 or per_stretch < 1:
            raise InvalidInputError(
                "buffer of pieces",
                got=f"capacity={capacity}, per_stretch={per_stretch}",
                expected="a capacity of 2 or more, and 1 or more of a stretch",
            )
        self._capacity, self._per_stretch = capacity, per_stretch
        self._pieces: list[Piece] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def pieces(self) -> Sequence[Piece]:
        """Those kept, oldest first."""
        return tuple(self._pieces)

    @property
    def seen(self) -> int:
        """Pieces that were ever added."""
        return self._count

    def add(self, piece: Piece) -> None:
        """Take a piece, and let go of another one if there is no room.

        Raises:
            InvalidInputError: a piece with a value that is not finite: it would never leave.
        """
        if not (np.isfinite(piece.probabilities).all() and np.isfinite(piece.place).all()):
            raise InvalidInputError("piece of a stream", got="a value that is not finite")
        self._pieces.append(replace(piece, number=self._count))
        self._count += 1
        same = [k for k, p in enumerate(self._pieces) if p.stretch == piece.stretch]
        if len(same) > self._per_stretch:
            self._drop(same)
        elif len(self._pieces) > self._capacity:
            self._drop(self._of_largest_class())

    def resume(self, pieces: Sequence[Piece], *, seen: int) -> None:
        """Take pieces of a buffer that is gone, each with its number.

        Args:
            pieces: Oldest first.
            seen: Pieces that were ever added to it.
        """
        for piece in pieces:
            self._count = max(self._count, piece.number)
            self.add(piece)
        self._count = max(self._count, seen)

    def revise(self, change: Callable[[Piece], Piece]) -> None:
        """Replace every piece by what `change` makes of it; windows and number stay."""
        self._pieces = [change(piece) for piece in self._pieces]

    def forget_since(self, number: int) -> None:
        """Let go of every piece from that number on."""
        self._pieces = [piece for piece in self._pieces if piece.number < number]

    def _of_largest_class(self) -> list[int]:
        """Places of the class with most pieces; of several, that of the newest piece first."""
        labels = [piece.label for piece in self._pieces]
        counts = Counter(labels)
        most = max(counts.values())
        largest = next(label for label in reversed(labels) if counts[label] == most)
        return [k for k, label in enumerate(labels) if label == largest]

    def _drop(self, candidates: list[int]) -> None:
        """Drop the older one of the two that are most alike; never the newest, nor a told one."""
        free = [k for k in candidates[:-1] if self._pieces[k].trusted is None] or candidates[:-1]
        if not free:
            self._pieces.pop(candidates[-1])
            return
        places = np.stack([self._pieces[k].place for k in candidates])
        apart = ((places[:, None] - places[None]) ** 2).sum(axis=2)
        np.fill_diagonal(apart, np.inf)
        nearest = dict(zip(candidates, apart.min(axis=1).tolist(), strict=True))
        self._pieces.pop(min(free, key=lambda k: (nearest[k], k)))


def _moved(
    values: Float32Array, old: Normalisation | None, new: Normalisation | None
) -> Float32Array:
    if old is None or new is None:
        return values
    return (old.apply(values.astype(np.float64)) * new.std + new.mean).astype(np.float32)
