"""Which outlets on the network are the stream that a source reads, at any moment."""

import time
from collections.abc import Mapping, Sequence

from hadua.adapters.sources.lsl_discovery import POLL_S, ambiguous, find, not_found
from hadua.adapters.sources.lsl_doorbell import Doorbell
from hadua.adapters.sources.lsl_library import LslInfo
from hadua.adapters.sources.lsl_network import FORGET_S, OLD_S, Hearing, Outlet
from hadua.adapters.sources.stream_summary import StreamSummary

_LOOK_EVERY_S = 0.5
_SECOND_S = 0.05  # for the answer of a second one, which was asked at the same moment


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
        self._hearing = Hearing()
        self._mine: Outlet | None = None
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
            found = find(self._query, network=self._hearing, timeout_s=timeout_s)
        else:
            found = self._find_again(self._mine, timeout_s)
        self._mine, self.answers, self.twins = found, True, 0
        return found.info

    def broke_off(self) -> None:
        """Note that the outlet has closed the connection: what was heard of it is old."""
        if self._mine is not None:
            self.answers = False
            self._dead_until_s[self._mine.uid] = time.monotonic() + FORGET_S + _LOOK_EVERY_S

    def look(self) -> None:
        """Bring `answers` and `twins` up to date, every half second."""
        mine, now_s = self._mine, time.monotonic()
        if mine is None or now_s < self._looked_s + _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        alive = self._alive()
        self.answers = any(outlet.uid == mine.uid for outlet in alive)
        twins = [o for o in _same_id(alive, mine) if o.uid != mine.uid]
        gone = [o for o in twins if self._doorbell.refused(o.info)]
        for outlet in gone:
            self._dead_until_s[outlet.uid] = now_s + FORGET_S + _LOOK_EVERY_S
        self.twins = len(twins) - len(gone)

    def close(self) -> None:
        """Look no more."""
        self._doorbell.close()

    def _find_again(self, mine: Outlet, timeout_s: float) -> Outlet:
        deadline_s = time.monotonic() + timeout_s
        while not (hits := self._like(mine)):
            if time.monotonic() >= deadline_s:
                raise not_found(self._query, self._alive(old_s=POLL_S), timeout_s)
            time.sleep(POLL_S)
        time.sleep(_SECOND_S)
        hits = self._like(mine) or hits
        if len(hits) > 1:
            raise ambiguous(self._query, hits)
        return hits[0]

    def _like(self, mine: Outlet) -> list[Outlet]:
        """Outlets that answer and are what was lost."""
        alive = self._alive(old_s=POLL_S)
        return _same_id(alive, mine) or _same_place(alive, mine)

    def _alive(self, *, old_s: float = OLD_S) -> list[Outlet]:
        """Outlets that answer and mean the query, without those that are known to be gone."""
        now_s = time.monotonic()
        self._dead_until_s = {u: s for u, s in self._dead_until_s.items() if s > now_s}
        hits = self._hearing.outlets(self._query, old_s=old_s)
        return [outlet for outlet in hits if outlet.uid not in self._dead_until_s]


def _same_id(outlets: Sequence[Outlet], mine: Outlet) -> list[Outlet]:
    source_id = mine.summary.source_id
    return [o for o in outlets if source_id and o.summary.source_id == source_id]


def _same_place(outlets: Sequence[Outlet], mine: Outlet) -> list[Outlet]:
    return [o for o in outlets if _place(o.summary) == _place(mine.summary)]


def _place(stream: StreamSummary) -> tuple[str, str, str]:
    return stream.name, stream.type, stream.hostname
