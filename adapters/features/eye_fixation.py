"""A fixation that is still going on: its start, its last step, its spread."""

from collections.abc import Sequence
from math import sqrt
from typing import ClassVar

from hadua.adapters.features.eye_grid import GridStep, GridSteps
from hadua.adapters.state import Fields

# As long as the velocity window: what a tracker adds faster than this is noise, whose share would
# depend on its rate.
MEAN_STEPS = 5


class _Spread:
    """Running variance of one eye's gaze (Welford 1962), each value the mean of 20 ms."""

    STATE: ClassVar[Fields] = {
        **dict.fromkeys(("n", "n_sum"), int),
        **dict.fromkeys(("mean_x", "mean_y", "m2_x", "m2_y", "sum_x", "sum_y"), float),
    }

    __slots__ = ("m2_x", "m2_y", "mean_x", "mean_y", "n", "n_sum", "sum_x", "sum_y")

    def __init__(self) -> None:
        self.n = self.n_sum = 0
        self.mean_x = self.mean_y = self.m2_x = self.m2_y = self.sum_x = self.sum_y = 0.0

    def add(self, x_deg: Sequence[float], y_deg: Sequence[float]) -> None:
        n_sum, sum_x, sum_y = self.n_sum, self.sum_x, self.sum_y
        for x, y in zip(x_deg, y_deg, strict=True):
            if x != x:
                continue
            n_sum, sum_x, sum_y = n_sum + 1, sum_x + x, sum_y + y
            if n_sum == MEAN_STEPS:
                self._close(sum_x / MEAN_STEPS, sum_y / MEAN_STEPS)
                n_sum, sum_x, sum_y = 0, 0.0, 0.0
        self.n_sum, self.sum_x, self.sum_y = n_sum, sum_x, sum_y

    def _close(self, x: float, y: float) -> None:
        self.n += 1
        dx, dy = x - self.mean_x, y - self.mean_y
        self.mean_x += dx / self.n
        self.mean_y += dy / self.n
        self.m2_x += dx * (x - self.mean_x)
        self.m2_y += dy * (y - self.mean_y)


class OpenFixation:
    """Collects the steps of rest of one fixation.

    Args:
        step: Its first step.
    """

    STATE: ClassVar[Fields] = {
        "start_k": int,
        "last": GridStep,
        "_left": _Spread,
        "_right": _Spread,
    }

    __slots__ = ("_left", "_right", "last", "start_k")

    def __init__(self, step: GridStep) -> None:
        self.start_k = step.k
        self._left, self._right = _Spread(), _Spread()
        self.add(step)

    def add(self, step: GridStep) -> None:
        """Take the next step of rest."""
        self.last = step
        self._left.add((step.left.x_deg,), (step.left.y_deg,))
        self._right.add((step.right.x_deg,), (step.right.y_deg,))

    def add_all(self, steps: GridSteps, start: int, stop: int) -> None:
        """Take some next steps of rest, at least one; as `add` does one by one, to the bit."""
        self.last = steps.step(stop - 1)
        x_left, x_right, y_left, y_right = steps.eyes[start:stop, :4].T.tolist()
        self._left.add(x_left, y_left)
        self._right.add(x_right, y_right)

    @property
    def dispersion_deg(self) -> tuple[float, float] | None:
        """Standard deviation of gaze across and up and down, mean of the eyes that were measured.

        Not the range that some packages use: the range of noisy samples grows with their number,
        and so with the tracker's rate. None if no eye was measured for 20 ms together.
        """
        eyes = [e for e in (self._left, self._right) if e.n]
        if not eyes:
            return None
        x = sum(sqrt(e.m2_x / e.n) for e in eyes) / len(eyes)
        y = sum(sqrt(e.m2_y / e.n) for e in eyes) / len(eyes)
        return x, y
