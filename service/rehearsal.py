"""When to go once through the work on a window in vain, so that it is quick when it counts.

What ran last half a second ago runs two to four times slower than what ran just now: the processor
was asleep, and its caches hold something else. When a window ends is known, and a stream's blocks
come at an even pace. So right before the block with the last sample is there, the same code goes
over what there is of the window, and the result is thrown away.
"""

from collections import deque
from collections.abc import Callable, Sequence
from math import ceil
from typing import Protocol, runtime_checkable

from hadua.models.features import Modality
from hadua.service.bridge import Arrival

LEAD_S = 0.002
"""So long before: it takes about one millisecond, and one for clocks and blocks that are early."""
WARM_S = 0.01
"""Who has worked on a window within this time needs no rehearsal."""
MANY = 20
"""Windows of all in a second from which on none is rehearsed: that costs as much as the work."""
_REMEMBERED = 16
_EARLY_S = 1e-4  # by so much a stamp may be off


@runtime_checkable
class Rehearsing(Protocol):
    """A pipeline that can do as if."""

    def last_s(self) -> float:
        """Stamp of the last sample of the window that was begun; infinity: none is."""
        ...

    def rehearse(self) -> None:
        """Go through the work on it as it is so far. What is remembered stays as it was."""
        ...


class Worked:
    """When anybody in this process worked on a window."""

    def __init__(self) -> None:
        self._at_s: deque[float] = deque(maxlen=MANY)

    def note(self, now_s: float) -> None:
        """Somebody has, just now."""
        self._at_s.append(now_s)

    def lately(self, now_s: float) -> bool:
        """Whether it is all still at hand."""
        return len(self._at_s) > 0 and now_s - self._at_s[-1] < WARM_S

    def often(self, now_s: float) -> bool:
        """Whether so many windows come that each has to be cheap."""
        return len(self._at_s) == MANY and now_s - self._at_s[0] < 1.0


WORKED = Worked()


class Rehearsal:
    """Of one session's windows of EEG; in its worker's thread.

    Args:
        pipeline: Rehearsed.
        clock: LSL seconds now.
        rouse: Wakes whoever takes the results.
        worked: Who has worked on a window.
    """

    def __init__(
        self,
        pipeline: Rehearsing,
        *,
        clock: Callable[[], float],
        rouse: Callable[[], object],
        worked: Worked = WORKED,
    ) -> None:
        self._pipeline, self._clock, self._rouse, self._worked = pipeline, clock, rouse, worked
        self._steps_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._newest: Arrival | None = None
        self._held_for_s: float | None = None

    def saw(self, arrivals: Sequence[Arrival]) -> None:
        """Learn from blocks as they came how long one lasts."""
        for arrival in arrivals:
            if arrival.modality is not Modality.EEG or not len(arrival.chunk):
                continue
            if self._newest is not None:
                step_s = float(arrival.chunk.t_s[-1] - self._newest.chunk.t_s[-1])
                if step_s > 0.0:
                    self._steps_s.append(step_s)
            self._newest = arrival

    def in_s(self) -> float | None:
        """Seconds until the time has come; None: there is nothing to rehearse, or too much."""
        if self._worked.often(self._clock()):
            return None
        last_s = self._pipeline.last_s()
        if last_s == self._held_for_s or self._newest is None or not self._steps_s:
            return None
        block_s = min(self._steps_s)
        left_s = last_s - float(self._newest.chunk.t_s[-1]) - _EARLY_S
        if not left_s < _REMEMBERED * max(self._steps_s):  # nothing is begun, or much is missing
            return None
        arrives_s = self._newest.arrived_s + max(1, ceil(left_s / block_s)) * block_s
        in_s = arrives_s - LEAD_S - self._clock()
        return max(in_s, 0.0) if in_s > -LEAD_S else None

    def hold(self) -> None:
        """Do it, once for each window, unless somebody has just worked on another, or many do."""
        self._held_for_s = self._pipeline.last_s()
        now_s = self._clock()
        if not self._worked.lately(now_s) and not self._worked.often(now_s):
            self._rouse()
            self._pipeline.rehearse()
