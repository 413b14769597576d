"""How long a reader may leave samples where they arrive, because no window waits for them.

liblsl keeps what arrives until it is pulled, so a reader that pulls each sample as it comes, 120
times a second from an eye tracker, works for nobody: between two ends of windows nothing can come
of a sample. So a reader rests, and is back before the next sample that may complete a window can
arrive. That one is pulled the moment it comes, and the time of its arrival is what it always was.

Whoever steps the pipeline may be behind: then what is pulled waits behind what was pulled before,
and a reader that pulls each sample takes the time that would be needed to catch up.
"""

from collections import deque
from collections.abc import Callable
from math import isfinite

LONGEST_S = 0.4
GUARD_S = 0.01
BEHIND_S = 0.25
"""So long after one that was due a sample completes nothing: the one that was waits itself."""
BEHIND_REST_S = 0.1
_SHORTEST_S = 0.005
_REMEMBERED = 64


class Rests:
    """Of one reader.

    Args:
        due: The stamp from which on a sample may complete a window, for that of the newest sample
            that was delivered.
        longest_s: The longest rest.
    """

    def __init__(self, due: Callable[[float], float], *, longest_s: float = LONGEST_S) -> None:
        self._due, self._longest_s = due, longest_s
        self._lags_s: deque[float] = deque(maxlen=_REMEMBERED)

    def after(self, newest_s: float, *, arrived_s: float) -> float:
        """Seconds to rest now; 0 where the next sample may be due.

        A sample that is due arrives no sooner than its stamp and the least that any was late by.

        Args:
            newest_s: Stamp of the newest sample read.
            arrived_s: When it was read.
        """
        self._lags_s.append(arrived_s - newest_s)
        due_s = self._due(newest_s)
        if isfinite(due_s) and newest_s > due_s + BEHIND_S:
            return min(BEHIND_REST_S, self._longest_s)
        due_in_s = due_s + min(self._lags_s) - GUARD_S - arrived_s
        rest_s = min(due_in_s, self._longest_s)
        return rest_s if rest_s >= _SHORTEST_S else 0.0
