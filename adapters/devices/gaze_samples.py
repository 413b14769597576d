"""Gaze as the rest of the program sees it, whoever measured it."""

from dataclasses import dataclass

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray

LEFT, RIGHT = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class GazeSamples:
    """Consecutive gaze samples of two eyes, column 0 left, column 1 right.

    Args:
        t_s: `(n,)` LSL time, non-decreasing.
        x_deg: `(n, 2)` degrees of visual angle to the right of the middle; NaN where invalid.
        y_deg: `(n, 2)` degrees below the middle, as on screens; NaN where invalid.
        pupil_mm: `(n, 2)` pupil diameter; NaN where not measured.
        valid: `(n, 2)` whether the eye's gaze was measured.
    """

    t_s: FloatArray
    x_deg: FloatArray
    y_deg: FloatArray
    pupil_mm: FloatArray
    valid: BoolArray

    def __post_init__(self) -> None:
        expected = (self.t_s.shape[0], 2)
        both = self.x_deg.shape == self.y_deg.shape == self.pupil_mm.shape == self.valid.shape
        if self.t_s.ndim != 1 or not both or self.valid.shape != expected:
            arrays = (self.x_deg, self.y_deg, self.pupil_mm, self.valid)
            raise InvalidInputError(
                "gaze samples",
                got=f"t_s {self.t_s.shape}, others {[a.shape for a in arrays]}",
                expected="(n,) and (n, 2), left eye first",
            )

    def __len__(self) -> int:
        return int(self.t_s.shape[0])

    def between(self, start: int, stop: int) -> "GazeSamples":
        """Samples `start` to `stop`, exclusive."""
        if start == 0 and stop == len(self):
            return self
        part = np.s_[start:stop]
        return GazeSamples(
            self.t_s[part],
            self.x_deg[part],
            self.y_deg[part],
            self.pupil_mm[part],
            self.valid[part],
        )
