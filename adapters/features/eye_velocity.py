"""How fast the eyes turn: a slope over a fixed time, and how noisy a tracker makes it."""

from collections import deque
from dataclasses import dataclass
from math import exp, hypot

from hadua.adapters.features.eye_grid import STEP_S, EyeStep, GridStep

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


@dataclass(slots=True)
class MovingStep:
    """A step with the speed of the eyes; None where neither eye could be measured."""

    step: GridStep
    speed_deg_s: float | None


class Velocity:
    """Gives every step its speed, two steps late: a straight line's slope, mean of the eyes.

    The line goes through the measured steps of one unbroken stretch at most two steps away; three
    are needed. Eyes are averaged as velocities, not as positions, so that losing one eye of two
    that do not agree does not look like a saccade.
    """

    def __init__(self) -> None:
        self._recent: deque[GridStep] = deque(maxlen=_WHOLE)

    def push(self, step: GridStep) -> MovingStep | None:
        """Take a step; return the one that lies two steps back."""
        recent = self._recent
        if recent and step.k != recent[-1].k + 1:
            recent.clear()
        recent.append(step)
        if len(recent) <= HALF_STEPS:
            return None
        middle = len(recent) - 1 - HALF_STEPS
        left = _slope([s.left for s in recent], middle)
        right = _slope([s.right for s in recent], middle)
        return MovingStep(recent[middle], _mean_speed(left, right))


def _slope(eye: list[EyeStep], middle: int) -> tuple[float, float] | None:
    """Least-squares slope (deg/s) across and down of the unbroken stretch around `middle`."""
    x = [e.x_deg for e in eye]
    if x[middle] != x[middle]:
        return None
    if len(x) == _WHOLE and sum(x) == sum(x):  # nothing of it is NaN
        return _line(eye, 0, _WHOLE - 1)
    first = last = middle
    while first > 0 and x[first - 1] == x[first - 1]:
        first -= 1
    while last + 1 < len(x) and x[last + 1] == x[last + 1]:
        last += 1
    return _line(eye, first, last) if last - first >= 2 else None


def _line(eye: list[EyeStep], first: int, last: int) -> tuple[float, float]:
    n = last - first
    a, b, d, e = eye[first], eye[first + 1], eye[last - 1], eye[last]
    outer, inner = n * _SLOPE_WEIGHT[n], (n - 2) * _SLOPE_WEIGHT[n]
    return (
        outer * (e.x_deg - a.x_deg) + inner * (d.x_deg - b.x_deg),
        outer * (e.y_deg - a.y_deg) + inner * (d.y_deg - b.y_deg),
    )


_WHOLE = 2 * HALF_STEPS + 1
# The slope through n + 1 equally spaced points is the sum of the distances of opposite points,
# each weighted with their number of steps apart, over the sum of the squares of these weights.
_SLOPE_WEIGHT = {2: 1.0 / (4.0 * STEP_S), 3: 1.0 / (10.0 * STEP_S), 4: 1.0 / (20.0 * STEP_S)}


def _mean_speed(
    left: tuple[float, float] | None, right: tuple[float, float] | None
) -> float | None:
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

    def __init__(self) -> None:
        self._median_deg_s = LEAST_MEDIAN_DEG_S

    def update(self, speed_deg_s: float) -> float:
        """Take a speed; return the threshold that holds now."""
        up = speed_deg_s > self._median_deg_s
        median_deg_s = self._median_deg_s * (_UP if up else _DOWN)
        self._median_deg_s = min(MOST_MEDIAN_DEG_S, max(LEAST_MEDIAN_DEG_S, median_deg_s))
        noise = NOISE_FACTOR * self._median_deg_s
        return min(MAX_THRESHOLD_DEG_S, max(THRESHOLD_DEG_S, noise))


_UP, _DOWN = exp(MEDIAN_RATE), exp(-MEDIAN_RATE)
