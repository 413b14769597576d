"""Markers on their way to the clients: each once, and none behind the window in which it lies."""

import math
from collections import deque
from collections.abc import Iterable

from hadua.adapters.sources.source import Marker

REMEMBERED = 256


class MarkerOrder:
    """Holds markers until the prediction in whose time they lie is about to be published.

    Two sources of one person know of the same events: a marker with the stamp and the text of one
    of the latest `REMEMBERED` is the same one, told again.
    """

    def __init__(self) -> None:
        self._held: list[Marker] = []
        self._seen: deque[Marker] = deque(maxlen=REMEMBERED)

    def hold(self, markers: Iterable[Marker]) -> None:
        """Take markers, in any order."""
        for marker in markers:
            if marker not in self._seen:
                self._seen.append(marker)
                self._held.append(marker)
        self._held.sort(key=lambda m: m.t_s)

    def release(self, until_s: float = math.inf) -> list[Marker]:
        """Those held up to `until_s` (LSL), in order of time; they are then let go."""
        n = sum(marker.t_s <= until_s for marker in self._held)
        released, self._held = self._held[:n], self._held[n:]
        return released
