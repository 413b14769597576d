"""Watches how well each eye is seen, and whether it looks at the screen, window by window."""

from collections.abc import Sequence
from math import atan, degrees
from typing import ClassVar

import numpy as np

from hadua.adapters.devices.gaze import EYES, GazeMapping
from hadua.adapters.devices.gaze_columns import Axis
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eye_coverage import Coverage
from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind
from hadua.adapters.features.eye_grid import GridSteps
from hadua.adapters.quality.thresholds import GAZE, GazeThresholds
from hadua.adapters.state import Fields
from hadua.models.features import FloatArray
from hadua.models.quality import EyeQuality, EyeState, GazeQuality

# Interpolating between equal samples leaves rounding; no eye stands still to such a degree.
_SAME_DEG = 1e-6


class GazeWatch:
    """Remembers, per eye, when it was seen and when it was on the screen.

    Args:
        edges_deg: Where the screen ends to the sides and above, by eye.
        thresholds: Where good ends.
    """

    STATE: ClassVar[Fields] = {"_coverage": Coverage, "_last_deg": FloatArray}

    def __init__(
        self, edges_deg: Sequence[tuple[float, float]], *, thresholds: GazeThresholds = GAZE
    ) -> None:
        self._limits = thresholds
        self._edges_deg = np.array(edges_deg, np.float64).T.ravel()  # sides of both eyes, above
        self._coverage = Coverage(3 * len(EYES))  # seen, on the screen, moved: of each eye
        self._last_deg = np.full((1, 4), np.nan)

    def push(self, steps: GridSteps) -> None:
        """Take the next steps."""
        places_deg = steps.eyes[:, :4]
        before_deg = np.concatenate((self._last_deg, places_deg[:-1]))
        inside = np.abs(places_deg) <= self._edges_deg  # False for NaN
        differ = ~(np.abs(places_deg - before_deg) < _SAME_DEG)  # True beside NaN
        seen, on_screen = steps.seen, inside[:, :2] & inside[:, 2:]
        moved = seen & differ[:, :2] & differ[:, 2:]
        self._coverage.push(steps.k, np.concatenate((seen, on_screen, moved), axis=1))
        self._last_deg = places_deg[-1:]

    def quality(
        self,
        start_k: int,
        end_k: int,
        events: Sequence[EyeEvent],
        *,
        tail_steps: int,
        window_s: float,
    ) -> GazeQuality:
        """Sum up a window; windows must be asked for in order.

        Args:
            start_k: First step.
            end_k: Step after the last.
            events: The events counted in the window.
            tail_steps: So many of the newest steps may not have been pushed yet.
            window_s: Its length.
        """
        blinks_s = [e.duration_s for e in events if e.kind is EyeEventKind.BLINK]
        closed = min(1.0, sum(blinks_s) / window_s)
        shares = self._coverage.share(start_k, end_k, tail_steps=tail_steps).tolist()
        n = len(EYES)
        left, right = (self._eye(i, *shares[i::n], closed=closed) for i in range(n))
        return GazeQuality((left, right), closed, len(blinks_s) / window_s)

    def _eye(
        self, i: int, seen: float, on_screen: float, moved: float, *, closed: float
    ) -> EyeQuality:
        limits = self._limits
        there = on_screen / seen if seen > 0.0 else None
        state = EyeState.GOOD
        if there is None or seen < limits.measured:
            state = EyeState.LOST
        elif moved < (1.0 - limits.frozen) * seen:
            state = EyeState.FROZEN
        elif there < limits.on_screen:
            state = EyeState.OFF_SCREEN
        elif closed > limits.blink_share:
            state = EyeState.BLINKING
        return EyeQuality(EYES[i], state, seen, there)


def objection(quality: GazeQuality) -> str:
    """Why gaze that was measured is not to be used; empty if it may be."""
    seen = [eye for eye in quality.eyes if eye.state is not EyeState.LOST]
    states = {eye.state for eye in seen}
    if not seen or not states <= {EyeState.OFF_SCREEN, EyeState.FROZEN}:
        return ""
    if states == {EyeState.FROZEN}:
        return "gaze repeats itself as no eye does: does the tracker still see anybody?"
    away = 1.0 - max(eye.on_screen or 0.0 for eye in seen)
    return f"gaze was beside the screen for {away:.0%} of the time it was seen"


def screen_edges_deg(
    mapping: GazeMapping, screen: Screen, *, margin: float = GAZE.margin
) -> list[tuple[float, float]]:
    """How far from its middle the picture ends for each eye, to the sides and above."""
    edges = []
    for columns in mapping.columns.eyes:
        axes: tuple[Axis | None, Axis | None] = (columns.x, columns.y) if columns else (None, None)
        across, down = map(_edge_deg, screen.half_tangent, axes, (margin, margin))
        edges.append((across, down))
    return edges


def _edge_deg(screen: float, axis: Axis | None, margin: float) -> float:
    half_tangent = screen if axis is None or axis.half_tangent is None else axis.half_tangent
    return degrees(atan(half_tangent * (1.0 + margin)))
