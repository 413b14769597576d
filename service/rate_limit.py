"""How often something may happen."""

from collections import deque
from collections.abc import Callable


class RateLimit:
    """At most `n` times in any `span_s`.

    Args:
        n: Times.
        span_s: Seconds.
        clock: Monotonic seconds now.
    """

    def __init__(self, n: int, *, span_s: float, clock: Callable[[], float]) -> None:
        self._times_s: deque[float] = deque(maxlen=n)
        self._span_s = span_s
        self._clock = clock

    def allows(self) -> bool:
        """Count once more; False if that is too often, and is then not counted."""
        now_s, full = self._clock(), len(self._times_s) == self._times_s.maxlen
        if full and now_s - self._times_s[0] < self._span_s:
            return False
        self._times_s.append(now_s)
        return True
