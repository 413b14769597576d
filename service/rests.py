"""How long a reader may leave samples where they arrive, because no window waits for them.

liblsl keeps what arrives until it is pulled, so a reader that pulls each sample as it comes, 120
times a second from an eye tracker, works for nobody: between two ends of windows nothing can come
of a sample. So a reader rests, and is back before the next sample that may complete a window can
arrive. That one is pulled the moment it comes, and the time of its arrival is what it always was;
where it came sooner than any before it, the earliest that it can have come is said.

Where nothing is stepped yet, or whoever steps is behind, what is pulled waits behind what was
pulled before, and a reader that pulls each sample takes the time that would be needed to catch up.
So then it rests blindly, whatever may be due. Of what came meanwhile it says when the first of it
can have come at the earliest, so that an answer is never said to be less late than it is.
"""

from collections import deque
from collections.abc import Callable
from math import inf

from hadua.service.blocks import Blocks

LONGEST_S = 0.4
BLIND_S = 0.15
"""A blind rest: less than the grace of an `Aligner`, for the reader of another stream is awake."""
GUARD_S = 0.006
"""Awake so long before, for a block that is early, or a timer that is late."""
UNSURE_S = 0.01
"""The same where it is not known how long a block is."""
GUARD = 0.75
"""And for so much of a block's length: since the block before nothing has come, and who is awake
early can be given that one before the one that is due."""
BEHIND_S = 0.25
"""Whose stream was read so far beyond the end of a window that is not stepped is behind."""
_SHORTEST_S = 0.005
_REMEMBERED = 64

Due = Callable[[float], float]
NextEnd = Callable[[], float]


def _at_once(seen_s: float) -> float:
    return -inf


def _not_known() -> float:
    return -inf


class Rests:
    """Of one reader. Until `pace` is called nobody steps anything, and all rests are blind.

    Args:
        longest_s: The longest rest.
    """

    def __init__(self, *, longest_s: float = LONGEST_S) -> None:
        self._longest_s, self._blind_s = longest_s, min(BLIND_S, longest_s)
        self._due: Due = _at_once
        self._next_end: NextEnd = _not_known
        self._paced = False
        self._ahead_s = -inf
        self._lags_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._newest_s = -inf
        self._blocks = Blocks()
        self._since_s: float | None = None  # the rest before the latest read; None: there was none
        self._awaited_s = -inf  # in that rest nothing stamped later was to come

    def pace(
        self, due: Due = _at_once, next_end: NextEnd = _not_known, *, ahead_s: float = -inf
    ) -> None:
        """From now on a pipeline is stepped.

        Args:
            due: The stamp from which on a sample may complete a window, for that of the newest
                sample that was delivered; minus infinity: any may.
            next_end: End of the window that is stepped next; minus infinity: it is not known.
            ahead_s: Be awake so long before a sample that is due, however late its block ends: what
                came by then is of use. Minus infinity: none of it is.
        """
        self._due, self._next_end, self._ahead_s = due, next_end, ahead_s
        self._paced = True

    @property
    def resting(self) -> bool:
        """Whether nothing was read since the latest rest began."""
        return self._since_s is not None

    def awake(self) -> None:
        """Nothing came in that rest: whatever is read next arrives while the reader is awake."""
        self._since_s = None

    def arrived_s(self, oldest_s: float, newest_s: float, now_s: float) -> float:
        """When what was read now arrived: now, or, where it came in a rest, at the earliest.

        Args:
            oldest_s: Stamp of the oldest sample read.
            newest_s: Stamp of the newest.
            now_s: When it was read.
        """
        if self._since_s is None or newest_s < self._awaited_s:
            return now_s
        earliest_s = max(oldest_s, self._awaited_s) + min(self._lags_s, default=inf)
        return min(max(earliest_s, self._since_s), now_s)

    def after(self, newest_s: float, *, now_s: float) -> float:
        """Seconds to rest now that all was read; 0 where the next sample may be due.

        A sample that is due arrives with its block, no sooner than the stamp of that one's end and
        the least that any was late by.

        Args:
            newest_s: Stamp of the newest sample read.
            now_s: When it was read.
        """
        self._lags_s.append(now_s - newest_s)
        self._blocks.saw(newest_s, as_it_came=self._since_s is None)
        before_s, self._newest_s = self._newest_s, newest_s
        if not self._paced or self._is_behind(before_s):
            self._since_s, self._awaited_s = now_s, -inf
            return self._blind_s
        due_s = self._due(newest_s)
        length_s = self._blocks.length_s
        guard_s = UNSURE_S if length_s == inf else max(GUARD_S, GUARD * length_s)
        awake_s = min(self._blocks.end_from(due_s) - guard_s, due_s - self._ahead_s)
        rest_s = min(awake_s + min(self._lags_s) - now_s, self._longest_s)
        if rest_s < _SHORTEST_S:
            self._since_s = None
            return 0.0
        self._since_s, self._awaited_s = now_s, due_s
        return rest_s

    def _is_behind(self, before_s: float) -> bool:
        """Whether what had been read before is still to be stepped, so that more helps nobody.

        Not what was read now: after a blind rest that alone could look like too much, for ever.
        """
        end_s = self._next_end()
        if end_s == -inf or before_s <= end_s + BEHIND_S:
            return False
        return before_s > self._due(-inf) + BEHIND_S  # it may need samples from after its end
