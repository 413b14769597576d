"""Which outlets answer, as the whole process hears of them: the network is asked once for all.

A resolver of liblsl asks every outlet about once a second, and each of them answers. Where every
stream has one of its own, both grow with the square of the streams: sixty-four streams cost a third
of a processor here and half of one in the programs that send, one resolver for all 3 and 12 ms a
second. So there is one, for as long as anybody wants to know.
"""

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hadua.adapters.sources.lsl_library import LslInfo, LslResolver, pylsl
from hadua.adapters.sources.stream_summary import StreamSummary

FORGET_S = 3.0
"""liblsl hears of each outlet about every 1.3 s; one unanswered question is no absence."""
OLD_S = 0.25
_LATE_S = 0.5  # of a resolver that forgets


@dataclass(frozen=True, slots=True)
class Outlet:
    """One that answers.

    Args:
        uid: Of this outlet alone; another one of the same program has another.
        summary: What it announces.
        info: The same, for liblsl.
    """

    uid: str
    summary: StreamSummary
    info: LslInfo


class Network:
    """The outlets that answer; from any thread. For one that is shared, `network`.

    Args:
        resolver: Asks them.
    """

    def __init__(self, resolver: LslResolver | None = None) -> None:
        self._resolver = resolver or pylsl().ContinuousResolver(forget_after=FORGET_S)
        self._lock = threading.Lock()
        self._heard: dict[str, Outlet] = {}
        self._heard_s = float("-inf")

    def outlets(
        self, query: Mapping[str, str] | None = None, *, old_s: float = OLD_S
    ) -> list[Outlet]:
        """Those that answer, each once.

        Args:
            query: That they are meant by; None: all.
            old_s: How old what is said may be.
        """
        with self._lock:
            if time.monotonic() >= self._heard_s + old_s:
                self._ask()
            heard = self._heard.values()
        return [o for o in heard if query is None or o.summary.matches(query)]

    def _ask(self) -> None:
        """What an outlet announces does not change; more of its addresses may be known by now."""
        by_uid = {info.uid(): info for info in self._resolver.results()}
        before = self._heard
        self._heard = {
            uid: Outlet(uid, before[uid].summary if uid in before else summarise(info), info)
            for uid, info in by_uid.items()
        }
        self._heard_s = time.monotonic()


def summarise(info: LslInfo) -> StreamSummary:
    """The announced facts of one stream."""
    return StreamSummary(
        info.name(),
        info.type(),
        info.source_id(),
        info.hostname(),
        info.channel_count(),
        info.nominal_srate(),
    )


_shared: weakref.WeakValueDictionary[str, Network] = weakref.WeakValueDictionary()
_sharing = threading.Lock()


def network() -> Network:
    """That of this process; it lasts as long as anybody keeps it."""
    with _sharing:
        there = _shared.get("")
        if there is None:
            there = _shared[""] = Network()
        return there


class Hearing:
    """The outlets that answer, as whoever begins now hears of them; for one thread.

    An outlet that has gone a moment ago still answers in the network that all share, and is not to
    be found now. So each begins with a resolver of its own, and joins the others once these, too,
    have forgotten all that had gone before.

    Args:
        own: Made now.
        shared: That of the process.
        clock: Seconds now.
    """

    def __init__(
        self,
        own: Network | None = None,
        shared: Network | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own: Network | None = own or Network()
        self._shared, self._clock = shared or network(), clock
        self._joins_s = clock() + FORGET_S + _LATE_S

    def outlets(
        self, query: Mapping[str, str] | None = None, *, old_s: float = OLD_S
    ) -> list[Outlet]:
        """As of `Network`."""
        if self._own is None:
            return self._shared.outlets(query, old_s=old_s)
        heard = self._own.outlets(query, old_s=old_s)
        if self._clock() >= self._joins_s:
            there = {outlet.uid for outlet in self._shared.outlets()}
            if there.issuperset(outlet.uid for outlet in heard):
                self._own = None
        return heard
