"""How fast the eyes turn: a slope over a fixed time, and how noisy a tracker makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot
from typing import ClassVar

import numpy as np

from hadua.adapters.features.eye_grid import STEP_S, GridSteps, IntArray
from hadua.adapters.state import Fields
from hadua.models.features import BoolArray, FloatArray

# Steps on each side: five steps span 16 ms from centre to centre and 20 ms from edge to edge.
HALF_STEPS = 2
# I-VT's usual threshold; also the saccadic velocity threshold of EyeLink's default parser.
THRESHOLD_DEG_S = 30.0
# Upper end of what is in use for noisy, head-worn trackers (Olsen 2012).
MAX_THRESHOLD_DEG_S = 100.0
# Engbert & Kliegl (2003) call saccadic what exceeds 6 robust standard deviations of the velocity
# per axis; for noise the median speed is 1.177 of these.
NOISE_FACTOR = 6.0 / 1.1774
# The running median moves by this part per step: a factor e in 0.8 s.
MEDIAN_RATE = 0.005
# Where it starts, and below which it never falls: gaze that stands still for minutes (a tracker
# that repeats its last sample) would take it to 0, from where no factor leads back.
LEAST_MEDIAN_DEG_S = 1.0
# Above which it never rises: the threshold does not either, and a second after any disturbance it
# is back where it was.
MOST_MEDIAN_DEG_S = MAX_THRESHOLD_DEG_S / NOISE_FACTOR


_WHOLE = 2 * HALF_STEPS + 1
# The slope through n + 1 equally spaced points is the sum of the distances of opposite points,
# each weighted with their number of steps apart, over the sum of the squares of these weights.
_SLOPE_WEIGHT = {2: 1.0 / (4.0 * STEP_S), 3: 1.0 / (10.0 * STEP_S), 4: 1.0 / (20.0 * STEP_S)}
_OUTER, _INNER = 4 * _SLOPE_WEIGHT[4], 2 * _SLOPE_WEIGHT[4]

Slope = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class MovingSteps:
    """Steps with the speed of the eyes.

    Args:
        steps: The steps; `known_s` is when the speed was known, two steps later.
        speeds_deg_s: One each; None where neither eye could be measured.
    """

    steps: GridSteps
    speeds_deg_s: list[float | None]

    def where(self, kept: BoolArray) -> "MovingSteps":
        """Those that are kept."""
        at = np.flatnonzero(kept)
        return MovingSteps(self.steps[at], [self.speeds_deg_s[i] for i in at.tolist()])


class Velocity:
    """Gives every step its speed, two steps late: a straight line's slope, mean of the eyes.

    The line goes through the measured steps of one unbroken stretch at most two steps away; three
    are needed. Eyes are averaged as velocities, not as positions, so that losing one eye of two
    that do not agree does not look like a saccade.
    """

    STATE: ClassVar[Fields] = {"_recent": GridSteps}

    def __init__(self) -> None:
        self._recent = GridSteps.joined([])  # at most four, without a hole

    def push(self, steps: GridSteps) -> MovingSteps:
        """Take steps; return those that lie two steps back."""
        if not len(steps):
            return MovingSteps(steps, [])
        first = max(len(self._recent), HALF_STEPS)
        steps = GridSteps.joined([self._recent, steps])
        n, run = len(steps), _position_in_run(steps.k)
        newest_run = int(run[-1])
        self._recent = steps[n - min(_WHOLE - 1, newest_run + 1) :]
        middle = slice(first - HALF_STEPS, max(0, n - HALF_STEPS))
        moving = MovingSteps(
            GridSteps(
                steps.k[middle],
                steps.eyes[middle],
                steps.observed[middle],
                steps.known_s[first:],
            ),
            _speeds(steps.eyes, first, run),
        )
        unbroken = newest_run == n - 1
        return moving if unbroken else moving.where(run[first:] >= HALF_STEPS)


def _position_in_run(k: IntArray) -> IntArray:
    """How many steps lie before each, of which there is at least one, since the last hole."""
    at = np.arange(len(k))
    if k[-1] - k[0] == len(k) - 1:
        return at
    begins = np.ones(len(k), np.bool_)
    begins[1:] = k[1:] != k[:-1] + 1
    return np.asarray(at - np.maximum.accumulate(np.where(begins, at, 0)))


def _speeds(eyes: FloatArray, first: int, run: IntArray) -> list[float | None]:
    """Speeds of the steps two before those from `first` on; `run` are their places in their runs.

    None, too, of the first two steps of a run, two before which lies nothing.
    """
    first_whole = max(first, _WHOLE - 1)
    speeds = [_slowly(eyes, i, int(run[i])) for i in range(first, min(first_whole, len(eyes)))]
    return speeds + _speeds_within(eyes, first_whole, run) if len(eyes) > first_whole else speeds


def _speeds_within(eyes: FloatArray, first: int, run: IntArray) -> list[float | None]:
    """As `_speeds`, where four steps at least lie before `first`."""
    n, places = len(eyes), eyes[:, :4]  # x of both eyes, y of both
    outer = places[first:] - places[first - 4 : n - 4]
    inner = places[first - 1 : n - 1] - places[first - 3 : n - 3]
    slopes = _OUTER * outer + _INNER * inner
    middle = places[first - HALF_STEPS : n - HALF_STEPS, :2]
    whole = ~np.isnan(slopes[:, :2] + middle)  # any of the five that is lost makes that NaN
    if run[-1] < n - 1:
        whole &= (run[first:] >= _WHOLE - 1)[:, None]
    left, right = slopes[:, ::2], slopes[:, 1::2]
    mean = 0.5 * (left + right)
    if whole.all():
        return list(map(hypot, *mean.T.tolist()))
    mean = np.where(whole.all(axis=1, keepdims=True), mean, np.where(whole[:, :1], left, right))
    speeds: list[float | None] = list(map(hypot, *mean.T.tolist()))
    unseen = np.isnan(middle)
    for i in np.flatnonzero(~(whole | unseen).all(axis=1)).tolist():
        speeds[i] = _slowly(eyes, first + i, int(run[first + i]))
    for i in np.flatnonzero(unseen.all(axis=1)).tolist():
        speeds[i] = None
    return speeds


def _slowly(eyes: FloatArray, newest: int, run: int) -> float | None:
    """The speed of one step near the beginning of a run, or near a lost one."""
    n = min(run, _WHOLE - 1) + 1
    if n <= HALF_STEPS:
        return None
    rows = eyes[newest + 1 - n : newest + 1].tolist()
    left = _slope([(row[0], row[2]) for row in rows], n - 1 - HALF_STEPS)
    right = _slope([(row[1], row[3]) for row in rows], n - 1 - HALF_STEPS)
    return _mean_speed(left, right)


def _slope(eye: list[Slope], middle: int) -> Slope | None:
    """Least-squares slope (deg/s) across and down of the unbroken stretch around `middle`."""
    x = [place[0] for place in eye]
    if x[middle] != x[middle]:
        return None
    first = last = middle
    while first > 0 and x[first - 1] == x[first - 1]:
        first -= 1
    while last + 1 < len(x) and x[last + 1] == x[last + 1]:
        last += 1
    return _line(eye, first, last) if last - first >= 2 else None


def _line(eye: list[Slope], first: int, last: int) -> Slope:
    n = last - first
    a, b, d, e = eye[first], eye[first + 1], eye[last - 1], eye[last]
    outer, inner = n * _SLOPE_WEIGHT[n], (n - 2) * _SLOPE_WEIGHT[n]
    return (
        outer * (e[0] - a[0]) + inner * (d[0] - b[0]),
        outer * (e[1] - a[1]) + inner * (d[1] - b[1]),
    )


def _mean_speed(left: Slope | None, right: Slope | None) -> float | None:
    if left is None:
        return None if right is None else hypot(*right)
    if right is None:
        return hypot(*left)
    return hypot(0.5 * (left[0] + right[0]), 0.5 * (left[1] + right[1]))


class SaccadeThreshold:
    """The speed above which a movement is a saccade; rises above 30 deg/s for a noisy tracker.

    It follows the median speed (eyes rest most of the time, so the median is that of fixations),
    up or down by a fixed small factor at each step.
    """

    STATE: ClassVar[Fields] = {"_median_deg_s": float}

    def __init__(self) -> None:
        self._median_deg_s = LEAST_MEDIAN_DEG_S

    def follow(self, speeds_deg_s: Sequence[float | None], start: int = 0) -> tuple[int, bool]:
        """Take speeds from `start` on, up to the first that is unknown or that of a saccade.

        Returns:
            Where that is, the end if nowhere, and whether it is that of a saccade: it was taken
            then. One that is unknown was not.
        """
        median_deg_s = self._median_deg_s
        for at in range(start, len(speeds_deg_s)):
            speed = speeds_deg_s[at]
            if speed is None:
                self._median_deg_s = median_deg_s
                return at, False
            median_deg_s *= _UP if speed > median_deg_s else _DOWN
            if median_deg_s < LEAST_MEDIAN_DEG_S:
                median_deg_s = LEAST_MEDIAN_DEG_S
            elif median_deg_s > MOST_MEDIAN_DEG_S:
                median_deg_s = MOST_MEDIAN_DEG_S
            if speed > THRESHOLD_DEG_S and speed > min(
                MAX_THRESHOLD_DEG_S, NOISE_FACTOR * median_deg_s
            ):
                self._median_deg_s = median_deg_s
                return at, True
        self._median_deg_s = median_deg_s
        return len(speeds_deg_s), False


_UP, _DOWN = exp(MEDIAN_RATE), exp(-MEDIAN_RATE)
