"""What to add to a remote clock's stamps, from measurements of which some are bad."""

import math
from collections import deque

_KEPT = 30
_DRIFT = 50e-6
"""How fast two computers' clocks may part: crystals are good to 20 or 30 ppm each."""
_SLACK_S = 2e-3


class ClockOffset:
    """The best of the last minute's measurements of a remote clock's offset.

    liblsl measures every two seconds and says how long the quickest of eight probes was on its way:
    the true offset lies within that of the measured one. On a busy wireless network one measurement
    is good and the next is bad by many milliseconds. An older one is worth what it was, less 50 ppm
    of its age; the one with the least doubt is used. Where two measurements contradict each other,
    the remote clock has been reset, and those before are forgotten.

    Attributes:
        offset_s: To be added to remote stamps.
        uncertainty_s: How far off that may be by now; None while nothing is known.
        resets: How often the remote clock was reset.
    """

    def __init__(self) -> None:
        self.offset_s = 0.0
        self.uncertainty_s: float | None = None
        self.resets = 0
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=_KEPT)

    def saw(self, offset_s: float, uncertainty_s: float | None, *, now_s: float) -> bool:
        """Take a measurement made just now; whether it shows that the remote clock was reset."""
        doubt_s = math.inf if uncertainty_s is None else uncertainty_s
        reset = any(
            abs(offset_s - o) > doubt_s + d + _DRIFT * (now_s - at_s) + _SLACK_S
            for o, d, at_s in self._seen
        )
        if reset:
            self.resets += 1
            self._seen.clear()
        self._seen.append((offset_s, doubt_s, now_s))
        self._choose(now_s)
        return reset

    def grow_old(self, now_s: float) -> None:
        """Note that there is no new measurement: the doubt grows with time."""
        if self._seen:
            self._choose(now_s)

    def _choose(self, now_s: float) -> None:
        # The newest of several that are equally good, which is also so where none has a doubt.
        doubt_s, _, self.offset_s = min(
            (d + _DRIFT * (now_s - at_s), now_s - at_s, o) for o, d, at_s in self._seen
        )
        self.uncertainty_s = doubt_s if math.isfinite(doubt_s) else None
