"""Senders that hold samples back and stamp them all when they send: which holes are only that."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from hadua.models.features import FloatArray

_MADE_UP_S = 0.04
_WITHIN_S = 1.0
_EVIDENCE = 3
_EVIDENCE_S = 10.0
_MARGIN = 1.5
_LONGEST_S = 1.0


@dataclass(slots=True)
class _Suspect:
    """A hole that was taken for a loss: what came before it, and what has come since."""

    tail_s: float
    first_s: float
    lost: int
    n: int = 0


class Bursts:
    """Learns how far apart the bursts of a stream lie.

    A program that polls its device and pushes what it finds sample by sample stamps a whole burst
    with the moment of sending. Where only the first sample of a burst is at hand, that looks like
    a loss. If the next samples fill the hole, it was none; after three of these within ten
    seconds, holes up to one and a half times as long are waited out.

    Attributes:
        apart_s: The longest distance of these three; 0 while there are none.
    """

    def __init__(self) -> None:
        self.apart_s = 0.0
        self._seen: deque[tuple[float, float]] = deque(maxlen=_EVIDENCE)
        self._suspect: _Suspect | None = None

    def patience_s(self, now_s: float) -> float:
        """How long a hole at `now_s` may be without being a loss; 0 for a stream without bursts."""
        if not self._seen or now_s - self._seen[0][0] > _EVIDENCE_S:
            return 0.0
        return _MARGIN * min(self.apart_s, _LONGEST_S)

    def filled(self, first_s: float, *, apart_s: float) -> None:
        """Note a hole before `first_s` that turned out to be none."""
        self._seen.append((first_s, apart_s))
        together = first_s - self._seen[0][0] <= _EVIDENCE_S and len(self._seen) == _EVIDENCE
        self.apart_s = max(d for _, d in self._seen) if together else 0.0

    def suspect(self, tail_s: float, first_s: float, *, lost: int) -> None:
        """Note a hole between two samples that was taken for a loss of `lost` samples."""
        self._suspect = _Suspect(tail_s, first_s, lost)

    def acquit(self, s: FloatArray, *, period_s: float) -> int:
        """Take the stamps `(n,)` after the hole; how many samples thought lost have come."""
        hole = self._suspect
        if hole is None or not s.shape[0]:
            return 0
        late_s = s - hole.tail_s - period_s * np.arange(hole.n + 1, hole.n + s.shape[0] + 1)
        soon = s <= hole.first_s + _WITHIN_S
        hole.n += s.shape[0]
        if (late_s[soon] <= _MADE_UP_S).any():
            self._suspect = None
            self.filled(hole.first_s, apart_s=hole.first_s - hole.tail_s)
            return hole.lost
        if not soon.all():
            self._suspect = None
        return 0
