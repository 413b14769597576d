"""Puts gaze on one fixed time grid, so that nothing after it depends on the tracker's rate.

A step is 4 ms. Samples that fall into one step are averaged (which also keeps a fast tracker's
noise from folding back), slower trackers are interpolated linearly between samples that were both
measured. A step between a measured and a lost sample belongs to the nearer of the two, so that
the length of a gap is unbiased at every rate. Nothing is ever interpolated across a gap.

All samples of a call are worked on together, but in the same order and with the same operations as
one by one: how samples are cut into chunks cannot matter, to the bit.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import nan
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.state import Fields
from hadua.models.features import BoolArray, FloatArray

IntArray = npt.NDArray[np.int64]

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


@dataclass(frozen=True, slots=True, eq=False)
class GridSteps:
    """Steps in their order; mostly, but not always, without a hole between them.

    Args:
        k: `(n,)` numbers of the steps.
        eyes: `(n, 6)`: x of both eyes, y of both, pupil of both, left first; NaN where lost.
        observed: `(n,)` False where the tracker sent no samples at all.
        known_s: `(n,)` time of the sample by whose arrival each was known.
    """

    k: IntArray
    eyes: FloatArray
    observed: BoolArray
    known_s: FloatArray

    def __len__(self) -> int:
        return int(self.k.shape[0])

    @property
    def seen(self) -> BoolArray:
        """`(n, 2)` whether the gaze of each eye is known."""
        return ~np.isnan(self.eyes[:, :2])

    def step(self, i: int) -> GridStep:
        """One of them."""
        xl, xr, yl, yr, pl, pr = self.eyes[i].tolist()
        left, right = EyeStep(xl, yl, pl), EyeStep(xr, yr, pr)
        return GridStep(self.k.item(i), left, right, self.observed.item(i), self.known_s.item(i))

    def __getitem__(self, at: slice | IntArray) -> "GridSteps":
        return GridSteps(self.k[at], self.eyes[at], self.observed[at], self.known_s[at])

    @classmethod
    def lost(cls, first_k: int, last_k: int, known_s: float) -> "GridSteps":
        """Steps from `first_k` up to `last_k`, exclusive, of which nothing was sent."""
        n = max(0, last_k - first_k)
        return cls(
            np.arange(first_k, first_k + n),
            np.full((n, 6), np.nan),
            np.zeros(n, np.bool_),
            np.full(n, known_s),
        )

    @classmethod
    def joined(cls, parts: list["GridSteps"]) -> "GridSteps":
        """All of these, one after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.lost(0, 0, nan)
        return cls(
            np.concatenate([p.k for p in parts]),
            np.concatenate([p.eyes for p in parts]),
            np.concatenate([p.observed for p in parts]),
            np.concatenate([p.known_s for p in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Knots:
    """The samples of each step that has any, averaged: number, mean time, `(n, 6)` eyes."""

    k: IntArray
    t_s: FloatArray
    eyes: FloatArray
    known_s: FloatArray


class EyeGrid:
    """Turns samples of any rate into consecutive steps."""

    STATE: ClassVar[Fields] = {
        "_open": GazeSamples | None,
        "_last": tuple[float, FloatArray] | None,
        "_next_k": int,
    }

    def __init__(self) -> None:
        self._open: GazeSamples | None = None  # samples of the newest step: more may come
        self._last: tuple[float, FloatArray] | None = None
        self._next_k = 0

    def push(self, samples: GazeSamples) -> GridSteps:
        """The steps that these samples complete, in order."""
        if not len(samples):
            return GridSteps.joined([])
        if self._open is not None:
            samples = _joined(self._open, samples)
        k = np.floor(samples.t_s / STEP_S).astype(np.int64)
        starts = (k[1:] > k[:-1]).nonzero()[0] + 1
        if not starts.size:
            self._open = samples
            return GridSteps.joined([])
        closed = int(starts[-1])
        self._open = samples.between(closed, len(samples))
        return self._steps(_knots(samples, k[:closed], samples.t_s[starts]))

    def _steps(self, knots: _Knots) -> GridSteps:
        t_s = knots.t_s
        after_break = t_s[1:] - t_s[:-1] > MAX_INTERVAL_S
        goes_on = self._last is not None and t_s[0] - self._last[0] <= MAX_INTERVAL_S
        if goes_on and not after_break.any():
            return self._between(0, len(t_s), knots, self._last)
        breaks = (after_break.nonzero()[0] + 1).tolist()
        if self._last is not None and not goes_on:
            breaks = [0, *breaks]
        parts: list[GridSteps] = []
        cuts = sorted({0, *breaks, len(knots.t_s)})
        for start, stop in pairwise(cuts):
            old = self._last
            if old is None or start in breaks:
                old = self._break(start, knots, parts)
            parts.append(self._between(start, stop, knots, old))
        return GridSteps.joined(parts)

    def _break(self, at: int, knots: _Knots, parts: list[GridSteps]) -> tuple[float, FloatArray]:
        """Account for what was not sent before a knot; where interpolation goes on from."""
        k, t_s, known_s = int(knots.k[at]), float(knots.t_s[at]), float(knots.known_s[at])
        if self._last is None:
            self._next_k = k
        elif t_s - self._last[0] > MAX_SILENCE_S:
            silent_k = self._next_k + round(MAX_SILENCE_S / STEP_S)
            parts.append(GridSteps.lost(self._next_k, silent_k, known_s))
            self._next_k = k
        else:
            after_k = self._next_k
            while (after_k + 0.5) * STEP_S <= t_s - STEP_S:
                after_k += 1
            parts.append(GridSteps.lost(self._next_k, after_k, known_s))
            self._next_k = after_k
        return self._next_k * STEP_S, knots.eyes[at]

    def _between(
        self, start: int, stop: int, knots: _Knots, old: tuple[float, FloatArray] | None
    ) -> GridSteps:
        """The steps up to the last of some knots, which no break lies between."""
        t_s, eyes = knots.t_s[start:stop], knots.eyes[start:stop]
        self._last = float(t_s[-1]), eyes[-1]
        if old is None:
            return GridSteps.joined([])
        k = np.arange(self._next_k, int(t_s[-1] / STEP_S) + 2)
        centre_s = (k + 0.5) * STEP_S
        n = int(centre_s.searchsorted(t_s[-1], side="right"))
        k, centre_s = k[:n], centre_s[:n]
        at = t_s.searchsorted(centre_s)
        before_s = np.concatenate(([old[0]], t_s)).take(at)
        before = np.concatenate((old[1][None], eyes)).take(at, axis=0)
        after = eyes.take(at, axis=0)
        share = ((centre_s - before_s) / (t_s.take(at) - before_s))[:, None]
        between = (1.0 - share) * before + share * after
        lost = np.isnan(between)
        if lost.any():
            between = np.where(lost, np.where(share < 0.5, before, after), between)
        self._next_k += n
        return GridSteps(k, between, np.ones(n, np.bool_), knots.known_s[start:stop].take(at))


def _joined(one: GazeSamples, other: GazeSamples) -> GazeSamples:
    return GazeSamples(
        np.concatenate((one.t_s, other.t_s)),
        np.concatenate((one.x_deg, other.x_deg)),
        np.concatenate((one.y_deg, other.y_deg)),
        np.concatenate((one.pupil_mm, other.pupil_mm)),
        np.concatenate((one.valid, other.valid)),
    )


def _of_all(of_eyes: BoolArray) -> BoolArray:
    """The same of x, y and pupil: `(n, 6)` of `(n, 2)`."""
    return np.concatenate((of_eyes, of_eyes, of_eyes), axis=1)


def _knots(samples: GazeSamples, k: IntArray, known_s: FloatArray) -> _Knots:
    """The means of the samples of each step `k`, `known_s` the times of those that closed them."""
    t_s, valid = samples.t_s[: len(k)], samples.valid[: len(k)]
    eyes = np.concatenate((samples.x_deg, samples.y_deg, samples.pupil_mm), axis=1)[: len(k)]
    if len(known_s) == len(k):  # at most one sample a step: there is nothing to average
        seen_eyes = eyes if valid.all() else np.where(_of_all(valid), eyes, np.nan)
        return _Knots(k, t_s, seen_eyes, known_s)
    seen = _of_all(valid)
    number = np.cumsum(np.concatenate(([0], k[1:] > k[:-1])))
    n = np.bincount(number)
    seen[:, 4:] &= ~np.isnan(eyes[:, 4:])
    means = np.empty((len(n), 6))
    for column in range(6):
        there = seen[:, column]
        count = np.bincount(number[there], minlength=len(n))
        total = np.bincount(number[there], weights=eyes[there, column], minlength=len(n))
        means[:, column] = total / np.where(count > 0, count, np.nan)
        if column < 2:  # lost for most of the step
            means[2 * count < n, column] = np.nan
    lost = np.isnan(means[:, :2])
    means[:, 2:] = np.where(np.concatenate((lost, lost), axis=1), np.nan, means[:, 2:])
    first = np.flatnonzero(np.concatenate(([True], k[1:] > k[:-1])))
    return _Knots(k[first], np.bincount(number, weights=t_s) / n, means, known_s)
