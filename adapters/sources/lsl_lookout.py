"""Which outlets on the network are the stream that a source reads, at any moment."""

import time
from collections.abc import Mapping, Sequence

from hadua.adapters.sources.lsl_discovery import POLL_S, ambiguous, find, matching, not_found
from hadua.adapters.sources.lsl_doorbell import Doorbell
from hadua.adapters.sources.lsl_library import LslInfo, LslResolver, pylsl

_FORGET_S = 3.0
"""liblsl hears of each outlet about every 1.3 s; one unanswered question is no absence."""
_LOOK_EVERY_S = 0.5


class Lookout:
    """Finds a stream, knows whether it answers, and finds it again.

    A stream that comes back is an outlet with the same source_id, or, where another program gave
    that, with the same name, type and computer. Anything else that the query would mean as well is
    somebody else's: a type of EEG may be the next booth's.

    Args:
        query: Any of `name`, `type`, `source_id`, `hostname`.

    Attributes:
        answers: Whether the outlet that was found last answers on the network.
        twins: How many other outlets have the same source_id.
    """

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = dict(query)
        self._resolver: LslResolver = pylsl().ContinuousResolver(forget_after=_FORGET_S)
        self._mine: LslInfo | None = None
        self._dead_until_s: dict[str, float] = {}
        self._looked_s = 0.0
        self._doorbell = Doorbell()
        self.answers, self.twins = True, 0

    def find(self, timeout_s: float) -> LslInfo:
        """The stream; the first time the only one that the query means, then the same one again.

        Raises:
            StreamNotFoundError: it does not answer within the time.
            StreamAmbiguousError: there are several, and nothing tells which.
        """
        if self._mine is None:
            found = find(self._query, resolver=self._resolver, timeout_s=timeout_s)
        else:
            found = self._find_again(self._mine, timeout_s)
        self._mine, self.answers, self.twins = found, True, 0
        return found

    def broke_off(self) -> None:
        """Note that the outlet has closed the connection: what was heard of it is old."""
        if self._mine is not None:
            self.answers = False
            self._dead_until_s[self._mine.uid()] = time.monotonic() + _FORGET_S + _LOOK_EVERY_S

    def look(self) -> None:
        """Bring `answers` and `twins` up to date, every half second."""
        mine, now_s = self._mine, time.monotonic()
        if mine is None or now_s < self._looked_s + _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        alive = self._alive()
        self.answers = any(info.uid() == mine.uid() for info in alive)
        twins = [i for i in _same_id(alive, mine) if i.uid() != mine.uid()]
        gone = [i for i in twins if self._doorbell.refused(i)]
        for info in gone:
            self._dead_until_s[info.uid()] = now_s + _FORGET_S + _LOOK_EVERY_S
        self.twins = len(twins) - len(gone)

    def close(self) -> None:
        """Look no more."""
        self._doorbell.close()

    def _find_again(self, mine: LslInfo, timeout_s: float) -> LslInfo:
        deadline_s = time.monotonic() + timeout_s
        while True:
            alive = self._alive()
            hits = _same_id(alive, mine) or _same_place(alive, mine)
            if len(hits) > 1:
                raise ambiguous(self._query, hits)
            if hits:
                return hits[0]
            if time.monotonic() >= deadline_s:
                raise not_found(self._query, alive, timeout_s)
            time.sleep(POLL_S)

    def _alive(self) -> list[LslInfo]:
        """Outlets that answer and mean the query, without those that are known to be gone."""
        now_s = time.monotonic()
        self._dead_until_s = {u: s for u, s in self._dead_until_s.items() if s > now_s}
        hits = matching(self._resolver.results(), self._query)
        return [info for info in hits if info.uid() not in self._dead_until_s]


def _same_id(infos: Sequence[LslInfo], mine: LslInfo) -> list[LslInfo]:
    return [i for i in infos if mine.source_id() and i.source_id() == mine.source_id()]


def _same_place(infos: Sequence[LslInfo], mine: LslInfo) -> list[LslInfo]:
    place = mine.name(), mine.type(), mine.hostname()
    return [i for i in infos if (i.name(), i.type(), i.hostname()) == place]
