"""Senders that hold samples back and stamp them all when they send."""

from collections import deque

_EVIDENCE = 3
_EVIDENCE_S = 10.0


class Bursts:
    """Learns how far apart the bursts of a stream lie.

    A program that polls its device and pushes what it finds sample by sample stamps a whole burst
    with the moment of sending. That looks like a hole which the samples behind it then fill; after
    three of these within ten seconds the stream is one that sends in bursts.

    Attributes:
        apart_s: The longest distance of these three; 0 while there are none.
    """

    def __init__(self) -> None:
        self.apart_s = 0.0
        self._seen: deque[tuple[float, float]] = deque(maxlen=_EVIDENCE)

    def filled(self, first_s: float, *, apart_s: float) -> None:
        """Note a hole before `first_s` that turned out to be none."""
        self._seen.append((first_s, apart_s))
        together = first_s - self._seen[0][0] <= _EVIDENCE_S and len(self._seen) == _EVIDENCE
        self.apart_s = max(d for _, d in self._seen) if together else 0.0
