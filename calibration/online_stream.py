"""Windows of a stream as they come: the past that a network looks back on, and pieces of it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hadua.calibration.collected import Collected, CollectedWindow
from hadua.models.bundle import Bundle
from hadua.models.features import Modality

HOLE_HOPS = 1.5
"""Hops after which the windows are no longer neighbours."""
FEWEST = 4
"""Windows below which a piece that a hole has cut short is not kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A run of neighbouring windows.

    Args:
        windows: The windows.
        stretch: Number of the stretch of time that it begins in.
        seconds: How long it lasts.
    """

    windows: Collected
    stretch: int
    seconds: float


class Stream:
    """Keeps the newest windows and cuts pieces.

    Args:
        bundle: What the windows are of.
        piece: Windows of a piece.
        stretch_s: Length of a stretch of time.
    """

    def __init__(self, bundle: Bundle, *, piece: int, stretch_s: float) -> None:
        self._widths = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
        self._hop_s, self._piece, self._stretch_s = bundle.hop_s, piece, stretch_s
        self._past: deque[CollectedWindow] = deque(maxlen=bundle.context - 1)
        self._open: list[CollectedWindow] = []
        self._last_s: float | None = None
        self._seconds = 0.0  # of the stream, holes not counted: a clock may begin anew

    def with_past(self, window: CollectedWindow) -> Collected:
        """The windows that an answer to the next one depends on, that one last."""
        past = [] if self._is_hole(window) else list(self._past)
        return Collected.of([*past, window], self._widths)

    def push(self, window: CollectedWindow, *, teaches: bool) -> list[Cut]:
        """Take the next window; the pieces that it ends.

        Args:
            window: The window.
            teaches: Whether it may be in a piece; one that may not ends the open one.
        """
        done = []
        if self._is_hole(window):
            self._past.clear()
            done += self._close()
        self._past.append(window)
        self._last_s = window.end_s
        self._seconds += self._hop_s
        if not teaches:
            return done + self._close()
        self._open.append(window)
        return done + (self._close() if len(self._open) >= self._piece else [])

    def begin_after(self, stretch: int) -> None:
        """Let the next window begin a stretch of time after that one; before the first window."""
        # Half a hop more: what is taken off again for a piece may round to a little less.
        self._seconds = (stretch + 1) * self._stretch_s + self._hop_s / 2

    def cut(self, collected: Collected) -> Iterator[Collected]:
        """Pieces of windows that are there already; the stream itself does not change."""
        ends = collected.end_s
        steps = np.diff(ends)
        hole = np.r_[True, (steps > HOLE_HOPS * self._hop_s) | (steps <= 0.0)][: len(ends)]
        starts = np.flatnonzero(hole)
        for start, stop in zip(starts, [*starts[1:], len(ends)][: len(starts)], strict=True):
            for k in range(int(start), int(stop), self._piece):
                rows = np.arange(k, min(k + self._piece, int(stop)))
                if len(rows) >= FEWEST:
                    yield collected.pick(rows)

    def _close(self) -> list[Cut]:
        windows, self._open = self._open, []
        if len(windows) < FEWEST:
            return []
        seconds = len(windows) * self._hop_s
        stretch = int((self._seconds - seconds) // self._stretch_s)
        return [Cut(Collected.of(windows, self._widths), stretch, seconds)]

    def _is_hole(self, window: CollectedWindow) -> bool:
        if self._last_s is None:
            return False
        return not 0.0 < window.end_s - self._last_s <= HOLE_HOPS * self._hop_s
