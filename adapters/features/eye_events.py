"""Finds fixations, saccades and blinks in gaze as it arrives.

Velocity threshold identification (I-VT: Salvucci & Goldberg 2000) on a fixed time grid, so that
what is found does not depend on the tracker's rate. Every number below has its ground in the
literature, in a manual or in the grid; none was fitted to a recording that tests us. One rule, not
its numbers, was made after looking at one: EyeLink's shortest blinks lose the pupil for 30 ms only,
so what the lid visibly moves before and after counts towards the 50 ms that make a blink.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from typing import ClassVar

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind
from hadua.adapters.features.eye_fixation import OpenFixation
from hadua.adapters.features.eye_grid import STEP_S, EyeGrid, GridStep, GridSteps
from hadua.adapters.features.eye_velocity import MovingSteps, SaccadeThreshold, Velocity
from hadua.adapters.state import Fields

# Movements closer together than the velocity window (20 ms) cannot be told apart.
WINDOW_STEPS = 5
# Shorter peaks are noise (Nystrom & Holmqvist 2010: 10 ms; the next whole step).
MIN_SACCADE_STEPS = 3
# Movements below half a degree stay inside a fixation, and gaps up to 75 ms are bridged
# (Olsen 2012, the merging rule of Tobii's I-VT filter: 0.5 degrees, 75 ms).
MIN_AMPLITUDE_DEG = 0.5
MAX_BRIDGE_STEPS = 18
# Shorter fixations are not counted (Olsen 2012: 60 ms).
MIN_FIXATION_STEPS = 15
# A blink closes both eyes for 50 to 400 ms.
MIN_BLINK_STEPS = 13
MAX_BLINK_STEPS = 100


@dataclass(slots=True)
class _Movement:
    """A stretch that may become a saccade."""

    before: GridStep
    start_k: int
    end_k: int
    peak_deg_s: float
    rest: list[GridStep]


@dataclass(slots=True)
class _Gap:
    """A stretch without gaze, and the lid's movement on both sides of it."""

    start_k: int
    end_k: int
    lid_end_k: int
    n_observed: int
    movement: _Movement | None
    rest: list[GridStep]

    @property
    def lid_start_k(self) -> int:
        return self.start_k if self.movement is None else self.movement.start_k


class EyeEventDetector:
    """Takes gaze samples in any chunks and returns events in the order in which they settle.

    A fixation settles with the saccade, blink or loss that ends it; a saccade 20 ms after its end;
    a blink likewise. What adjoins a blink within 20 ms and is fast is the lid's artefact (the
    pupil's centre shifts as it is covered) and no saccade. A gap of the tracker longer than 400 ms
    is a loss, not a blink. Where a stream has a rate, a gap in which the tracker sent nothing is a
    loss too; trackers without a rate send nothing during a blink.

    Args:
        rate_hz: Nominal rate of the stream, or None (or 0) if it has none. Only whether there is
            one matters: nominal rates are often wrong.
    """

    def __init__(self, rate_hz: float | None) -> None:
        self._sends_lost_samples = bool(rate_hz)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._grid = EyeGrid()
        self._machine = EyeStepMachine(sends_lost_samples=self._sends_lost_samples)

    def push(self, samples: GazeSamples) -> list[EyeEvent]:
        """Take samples, return the events that they settle."""
        return self._machine.push(self._grid.push(samples))


class EyeStepMachine:
    """The detector behind the grid: follows steps one by one."""

    STATE: ClassVar[Fields] = {
        "_velocity": Velocity,
        "_threshold": SaccadeThreshold,
        "_fixation": OpenFixation | None,
        "_movement": _Movement | None,
        "_gap": _Gap | None,
        "_previous": GridStep | None,
        "_last_saccade_end_k": int | None,
        "_known_s": float,
    }

    def __init__(self, *, sends_lost_samples: bool) -> None:
        self._sends_lost_samples = sends_lost_samples
        self._velocity = Velocity()
        self._threshold = SaccadeThreshold()
        self._fixation: OpenFixation | None = None
        self._movement: _Movement | None = None
        self._gap: _Gap | None = None
        self._previous: GridStep | None = None
        self._last_saccade_end_k: int | None = None
        self._known_s = 0.0

    def push(self, steps: GridSteps) -> list[EyeEvent]:
        """Take the next steps; the events that they settle."""
        moving = self._velocity.push(steps)
        events: list[EyeEvent] = []
        at, n = 0, len(moving.steps)
        while at < n:
            at, fast = self._rest_on(moving, at)
            if at < n:
                events += self._take(moving.steps.step(at), moving.speeds_deg_s[at], fast=fast)
                at += 1
        return events

    def _rest_on(self, moving: MovingSteps, at: int) -> tuple[int, bool]:
        """Give an open fixation the steps of rest from there on, most steps by far, all at once.

        Returns:
            The first step that is no rest, and whether it is known to be fast.
        """
        if self._gap is not None or self._movement is not None or self._fixation is None:
            return at, False
        end, fast = self._threshold.follow(moving.speeds_deg_s, at)
        if end > at:
            self._fixation.add_all(moving.steps, at, end)
            self._previous = self._fixation.last
            self._known_s = self._previous.known_s
        return end, fast

    def _take(self, step: GridStep, speed_deg_s: float | None, *, fast: bool) -> Iterator[EyeEvent]:
        self._known_s = step.known_s
        if speed_deg_s is None:
            yield from self._on_lost(step)
        elif fast or self._threshold.follow([speed_deg_s])[1]:
            self._on_fast(step, speed_deg_s)
        else:
            yield from self._on_slow(step)
        self._previous = step

    def _on_slow(self, step: GridStep) -> Iterator[EyeEvent]:
        if self._gap is not None:
            self._gap.rest.append(step)
            if len(self._gap.rest) >= WINDOW_STEPS:
                yield from self._end_gap(self._gap)
        elif self._movement is not None:
            self._movement.rest.append(step)
            if len(self._movement.rest) >= WINDOW_STEPS:
                yield from self._end_movement(self._movement)
        elif self._fixation is not None:
            self._fixation.add(step)
        else:
            self._fixation = OpenFixation(step)

    def _on_fast(self, step: GridStep, speed_deg_s: float) -> None:
        if self._gap is not None:
            self._gap.rest.clear()
            self._gap.lid_end_k = step.k + 1
        elif self._movement is None:
            before = self._previous if self._previous is not None else step
            self._movement = _Movement(before, step.k, step.k + 1, speed_deg_s, [])
        else:
            self._movement.rest.clear()
            self._movement.end_k = step.k + 1
            self._movement.peak_deg_s = max(self._movement.peak_deg_s, speed_deg_s)

    def _on_lost(self, step: GridStep) -> Iterator[EyeEvent]:
        gap = self._gap
        if gap is None:
            movement, self._movement = self._movement, None
            gap = self._gap = _Gap(step.k, step.k, step.k, 0, movement, [])
        gap.rest.clear()
        gap.n_observed += step.observed
        gap.end_k = gap.lid_end_k = step.k + 1
        if gap.end_k - gap.start_k > MAX_BLINK_STEPS:
            yield from self._end_fixation(gap.lid_start_k)
            self._last_saccade_end_k = None

    def _end_movement(self, movement: _Movement) -> Iterator[EyeEvent]:
        self._movement = None
        amplitude = displacement_deg(movement.before, movement.rest[0])
        n_steps = movement.end_k - movement.start_k
        if n_steps < MIN_SACCADE_STEPS or amplitude < MIN_AMPLITUDE_DEG:
            self._rest(movement.rest)
            return
        yield from self._end_fixation(movement.start_k)
        latency_s = None
        if self._last_saccade_end_k is not None:
            latency_s = (movement.start_k - self._last_saccade_end_k) * STEP_S
        self._last_saccade_end_k = movement.end_k
        yield EyeEvent(
            EyeEventKind.SACCADE,
            movement.start_k * STEP_S,
            movement.end_k * STEP_S,
            self._known_s,
            amplitude_deg=amplitude,
            peak_deg_s=movement.peak_deg_s,
            latency_s=latency_s,
        )
        self._rest(movement.rest)

    def _end_gap(self, gap: _Gap) -> Iterator[EyeEvent]:
        self._gap = None
        n_steps = gap.end_k - gap.start_k
        if n_steps < WINDOW_STEPS and gap.movement is not None:  # a movement with a drop-out
            gap.movement.end_k, gap.movement.rest = gap.lid_end_k, gap.rest
            yield from self._end_movement(gap.movement)
            return
        blink = self._is_blink(gap, n_steps)
        if blink or not self._bridges(gap, n_steps):
            yield from self._end_fixation(gap.lid_start_k)
            self._last_saccade_end_k = None
        if blink:
            start_s, end_s = gap.start_k * STEP_S, gap.end_k * STEP_S
            yield EyeEvent(EyeEventKind.BLINK, start_s, end_s, self._known_s)
        self._rest(gap.rest)

    def _is_blink(self, gap: _Gap, n_steps: int) -> bool:
        """Whether it is as long as a blink; of a short gap the lid's movement is part of that."""
        seen = 2 * gap.n_observed >= n_steps or not self._sends_lost_samples
        closed = gap.lid_end_k - gap.lid_start_k >= MIN_BLINK_STEPS
        return seen and closed and WINDOW_STEPS <= n_steps <= MAX_BLINK_STEPS

    def _bridges(self, gap: _Gap, n_steps: int) -> bool:
        if self._fixation is None or n_steps > MAX_BRIDGE_STEPS:
            return False
        return displacement_deg(self._fixation.last, gap.rest[0]) < MIN_AMPLITUDE_DEG

    def _end_fixation(self, end_k: int) -> Iterator[EyeEvent]:
        fixation, self._fixation = self._fixation, None
        if fixation is None or end_k - fixation.start_k < MIN_FIXATION_STEPS:
            return
        spread_deg = fixation.dispersion_deg
        yield EyeEvent(
            EyeEventKind.FIXATION,
            fixation.start_k * STEP_S,
            end_k * STEP_S,
            self._known_s,
            dispersion_x_deg=spread_deg[0] if spread_deg else None,
            dispersion_y_deg=spread_deg[1] if spread_deg else None,
        )

    def _rest(self, steps: list[GridStep]) -> None:
        """Give steps of rest to the fixation, a new one if there is none."""
        for step in steps:
            if self._fixation is None:
                self._fixation = OpenFixation(step)
            else:
                self._fixation.add(step)


def displacement_deg(start: GridStep, end: GridStep) -> float:
    """Distance between two steps, mean of the eyes measured in both; 0 if there is none."""
    total, n = 0.0, 0
    for a, b in ((start.left, end.left), (start.right, end.right)):
        distance = hypot(b.x_deg - a.x_deg, b.y_deg - a.y_deg)
        if distance == distance:
            total += distance
            n += 1
    return total / n if n else 0.0
