"""Classes that somebody has told: the person, by a self-report, or the experimenter."""

from dataclasses import dataclass, replace

import numpy as np

from hadua.calibration.buffer import Piece

MOST = 1000
"""Labels that are kept; older ones give way."""
LEAST_SHARE = 0.5
"""Share of a piece's windows that must lie in a told stretch."""
TRUSTED_WEIGHT = 2.0
TRUSTED_SHARE = 0.9
"""Probability of a class that somebody has told; self-reports are not always right either."""


@dataclass(frozen=True, slots=True)
class _Label:
    label: int
    from_s: float
    until_s: float

    def share(self, piece: Piece) -> float:
        """How much of a piece it is told of."""
        ends = piece.windows.end_s
        return float(np.mean((ends > self.from_s) & (ends <= self.until_s)))


class Told:
    """Labels of stretches of time; of two that overlap the later one holds."""

    def __init__(self) -> None:
        self._labels: list[_Label] = []

    def add(self, label: int, *, from_s: float, until_s: float) -> None:
        """Take a label for windows that end after `from_s` and up to `until_s`."""
        self._labels = [*self._labels, _Label(label, from_s, until_s)][-MOST:]

    def applied(self, piece: Piece) -> Piece:
        """The piece with its told class, if one is told of at least half of it."""
        for told in reversed(self._labels):
            if told.share(piece) >= LEAST_SHARE:
                return replace(piece, trusted=told.label, sure=True)
        return piece
