"""In which blocks a sender sends, and so when the block with a given sample will be there.

An amplifier sends twenty milliseconds at once, an eye tracker each sample by itself. Nothing of a
block comes before its last sample, so a reader that waits for a sample need not wake before the
block that has it is complete.
"""

from collections import deque
from math import ceil, inf

_STEPS, _LEAST_STEPS, _ENDS = 16, 4, 8
_EARLY = 0.1  # blocks: an end so close before a sample may be the end of the block with it
_FAR = 100  # blocks ahead: nobody knows the length of one so well


class Blocks:
    """Of one stream, by what was read of it."""

    def __init__(self) -> None:
        self._steps_s: deque[float] = deque(maxlen=_STEPS)
        self._ends_s: deque[float] = deque(maxlen=_ENDS)
        self._length_s = inf

    @property
    def length_s(self) -> float:
        """How long one is; infinity: not known."""
        return self._length_s

    def saw(self, newest_s: float, *, as_it_came: bool) -> None:
        """All that was there has been read.

        Args:
            newest_s: Stamp of the newest sample.
            as_it_came: The reader has waited for it since it read the block before.
        """
        if as_it_came and self._ends_s and newest_s > self._ends_s[-1]:
            self._steps_s.append(newest_s - self._ends_s[-1])
            if len(self._steps_s) >= _LEAST_STEPS:
                self._length_s = sorted(self._steps_s)[len(self._steps_s) // 2]
        self._ends_s.append(newest_s)

    def end_from(self, due_s: float) -> float:
        """Where the block ends, at the earliest, that has the first sample from `due_s` on.

        By each of the latest blocks, for their lengths may differ: `due_s` where they do so much
        that it cannot be told.
        """
        length_s = self._length_s
        if not self._ends_s or not 0.0 < due_s - self._ends_s[-1] < _FAR * length_s < inf:
            return due_s
        ends_s = (
            end_s + ceil((due_s - end_s) / length_s - _EARLY) * length_s for end_s in self._ends_s
        )
        return max(due_s, min(ends_s))
