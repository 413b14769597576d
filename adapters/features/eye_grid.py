"""Puts gaze on one fixed time grid, so that nothing after it depends on the tracker's rate.

A step is 4 ms. Samples that fall into one step are averaged (which also keeps a fast tracker's
noise from folding back), slower trackers are interpolated linearly between samples that were both
measured. A step between a measured and a lost sample belongs to the nearer of the two, so that
the length of a gap is unbiased at every rate. Nothing is ever interpolated across a gap.

Everything is done sample by sample: how samples are cut into chunks cannot matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, nan

from hadua.adapters.devices.gaze_samples import GazeSamples

STEP_S = 0.004
# Longer than a sample interval at 24 Hz, shorter than the shortest blink: samples further apart
# than this mean that something is missing in between.
MAX_INTERVAL_S = 0.048
# After so much silence nothing can be told about what came before; steps are left out.
MAX_SILENCE_S = 1.0


@dataclass(slots=True)
class EyeStep:
    """One eye during one step; NaN where it was not measured."""

    x_deg: float
    y_deg: float
    pupil_mm: float

    @property
    def measured(self) -> bool:
        """Whether its gaze is known."""
        return self.x_deg == self.x_deg


LOST_EYE = EyeStep(nan, nan, nan)


@dataclass(slots=True)
class GridStep:
    """Both eyes during one step.

    Args:
        k: Number of the step: it covers `[k, k + 1) * STEP_S` in LSL time.
        left: The left eye.
        right: The right eye.
        observed: False where the tracker sent no samples at all.
        known_s: Time of the sample by whose arrival it was known.
    """

    k: int
    left: EyeStep
    right: EyeStep
    observed: bool
    known_s: float


class _Knot:
    """The samples of one step, averaged; per eye `[n, x, y, n_pupil, pupil]` sums."""

    __slots__ = ("eyes", "k", "n", "t_sum")

    def __init__(self, k: int) -> None:
        self.k = k
        self.n = 0
        self.t_sum = 0.0
        self.eyes = ([0, 0.0, 0.0, 0, 0.0], [0, 0.0, 0.0, 0, 0.0])

    def mean(self) -> tuple[float, EyeStep, EyeStep]:
        left, right = (self._eye(sums) for sums in self.eyes)
        return self.t_sum / self.n, left, right

    def _eye(self, sums: list[float]) -> EyeStep:
        n, x, y, n_pupil, pupil = sums
        if 2 * n < self.n:  # lost for most of the step
            return LOST_EYE
        return EyeStep(x / n, y / n, pupil / n_pupil if n_pupil else nan)


class EyeGrid:
    """Turns samples of any rate into consecutive steps."""

    def __init__(self) -> None:
        self._open: _Knot | None = None
        self._last: tuple[float, EyeStep, EyeStep] | None = None
        self._next_k = 0

    def push(self, samples: GazeSamples) -> Iterator[GridStep]:
        """Yield the steps that these samples complete, in order."""
        rows = zip(
            samples.t_s.tolist(),
            samples.x_deg.tolist(),
            samples.y_deg.tolist(),
            samples.pupil_mm.tolist(),
            samples.valid.tolist(),
            strict=True,
        )
        for t_s, x, y, pupil, valid in rows:
            k = floor(t_s / STEP_S)
            knot = self._open
            if knot is None or k > knot.k:
                if knot is not None:
                    yield from self._close(knot, t_s)
                knot = self._open = _Knot(k)
            knot.n += 1
            knot.t_sum += t_s
            for eye in (0, 1):
                if valid[eye]:
                    sums = knot.eyes[eye]
                    sums[0] += 1
                    sums[1] += x[eye]
                    sums[2] += y[eye]
                    if pupil[eye] == pupil[eye]:
                        sums[3] += 1
                        sums[4] += pupil[eye]

    def _close(self, knot: _Knot, known_s: float) -> Iterator[GridStep]:
        new = knot.mean()
        old, self._last = self._last, new
        if old is None:
            self._next_k = knot.k
            old = (knot.k * STEP_S, new[1], new[2])
        span_s = new[0] - old[0]
        if span_s > MAX_SILENCE_S:
            yield from self._silence(known_s)
            self._next_k = knot.k
            old = (knot.k * STEP_S, new[1], new[2])
            span_s = new[0] - old[0]
        if span_s > MAX_INTERVAL_S:
            while (self._next_k + 0.5) * STEP_S <= new[0] - STEP_S:
                yield GridStep(self._next_k, LOST_EYE, LOST_EYE, False, known_s)
                self._next_k += 1
            old = (self._next_k * STEP_S, new[1], new[2])
            span_s = new[0] - old[0]
        while (self._next_k + 0.5) * STEP_S <= new[0]:
            share = ((self._next_k + 0.5) * STEP_S - old[0]) / span_s
            left, right = _between(old[1], new[1], share), _between(old[2], new[2], share)
            yield GridStep(self._next_k, left, right, True, known_s)
            self._next_k += 1

    def _silence(self, known_s: float) -> Iterator[GridStep]:
        for k in range(self._next_k, self._next_k + round(MAX_SILENCE_S / STEP_S)):
            yield GridStep(k, LOST_EYE, LOST_EYE, False, known_s)


def _between(old: EyeStep, new: EyeStep, share: float) -> EyeStep:
    """The eye `share` of the way from `old` to `new`; the nearer one if one of them is lost."""
    if old.x_deg != old.x_deg or new.x_deg != new.x_deg:
        return old if share < 0.5 else new
    rest = 1.0 - share
    pupil = rest * old.pupil_mm + share * new.pupil_mm
    if pupil != pupil:
        pupil = old.pupil_mm if share < 0.5 else new.pupil_mm
    return EyeStep(
        rest * old.x_deg + share * new.x_deg, rest * old.y_deg + share * new.y_deg, pupil
    )
