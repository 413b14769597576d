"""Windows of source people with their classes: what a network learns from."""

from dataclasses import dataclass

import numpy as np

from hadua.calibration.windows import IntArray, Windows, concatenate_windows
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray

__all__ = ["UNLABELLED", "IntArray", "LabelledWindows", "concatenate"]

UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class LabelledWindows:
    """Windows, and beside them, never inside, their classes.

    It holds `Windows` rather than being one: what adapts to a person takes `Windows`, so that
    labels can not be handed over by mistake. Windows labelled `UNLABELLED` are never a target and
    never scored, but they are the past that later windows look back on.

    Args:
        windows: The windows.
        y: `(n,)` class index or `UNLABELLED`.
    """

    windows: Windows
    y: IntArray

    def __post_init__(self) -> None:
        if self.y.shape != (len(self.windows),):
            raise InvalidInputError(
                "labelled windows",
                got=f"{len(self.windows)} windows, y {self.y.shape}",
                expected="one label per window",
            )

    def __len__(self) -> int:
        return len(self.y)

    def pick(self, rows: IntArray | BoolArray) -> "LabelledWindows":
        """Some of the windows, by index or mask; whoever picks keeps stretches whole."""
        return LabelledWindows(self.windows.pick(rows), self.y[rows])

    def of(self, subjects: IntArray) -> "LabelledWindows":
        """The windows of some people only."""
        return self.pick(np.isin(self.windows.subject, subjects))

    def targets(self) -> IntArray:
        """Rows that have a label and of which at least one modality was measured."""
        return np.flatnonzero((self.y != UNLABELLED) & self.windows.present.any(axis=1))


def concatenate(parts: list[LabelledWindows]) -> LabelledWindows:
    """Put the windows of several recordings together; stretches of two parts never merge."""
    return LabelledWindows(
        concatenate_windows([p.windows for p in parts]), np.concatenate([p.y for p in parts])
    )
