"""The way from reader threads to the thread that steps a pipeline, bounded in seconds of signal.

The bound holds even while that thread is busy: the queue itself is shared, and the thread is only
woken: for samples only when something may come of them, or `HOLD_S` of them waits. When
a stream has more waiting than its share, the oldest chunk goes, the next one that is kept says
`gap_before`, and the loss is counted.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hadua.adapters.sources.source import Marker, SampleChunk
from hadua.models.features import Modality

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chunk, and the LSL time at which it reached us.

    `first` is the number of its first sample among all that its stream has delivered.
    """

    modality: Modality
    chunk: SampleChunk
    arrived_s: float
    first: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """Markers of a source, ahead of the chunk in whose time they lie.

    `said` is for whoever waits until they were published; made and done on the loop.
    """

    markers: tuple[Marker, ...]
    said: "asyncio.Future[None] | None" = None

    def note_said(self) -> None:
        """They were published."""
        if self.said is not None and not self.said.done():
            self.said.set_result(None)


@dataclass(frozen=True, slots=True)
class Ended:
    """A stream gives no more samples; `EndOfStreamError` is the orderly way."""

    modality: Modality
    error: Exception


Item = Arrival | Marked | Ended
Listener = Callable[[Item], None]
Due = Callable[[Modality], float]

MARKS_AT_MOST = 1000  # `Marked` that may wait: the oldest goes
ASSUMED_RATE_HZ = 120.0  # of a stream that declares none, as eye trackers do
HOLD_S = 0.6
"""Seconds of signal that may wait for a window: a step costs as much for few samples."""
TAKE_AT_MOST = 256  # so that a backlog does not hold up the results of its own beginning


def signal_s(chunk: SampleChunk) -> float:
    """Seconds of signal in a chunk, by its nominal rate.

    Without one by its stamps, and at least as much as at `ASSUMED_RATE_HZ`: chunks of one sample
    span no time, and any number of them would fit in.
    """
    if chunk.spec.rate_hz > 0.0:
        return len(chunk) / chunk.spec.rate_hz
    span_s = float(chunk.t_s[-1] - chunk.t_s[0]) if len(chunk) else 0.0
    return max(span_s, len(chunk) / ASSUMED_RATE_HZ)


class Bridge:
    """A queue of what the readers deliver; all of it from any thread.

    Args:
        bound_s: Seconds of signal that may wait, per modality. One chunk is always kept.
        on_marker_drop: Told in the reader's thread how many markers were dropped.
    """

    def __init__(
        self,
        *,
        bound_s: float,
        on_marker_drop: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._bound_s = bound_s
        self._lock = threading.Lock()
        self._items: deque[Item] = deque()
        self._waiting_s = dict.fromkeys(Modality, 0.0)
        self._dropped: Counter[Modality] = Counter()
        self._awaited = threading.Condition(self._lock)
        self._before_start: Counter[Modality] = Counter()
        self._on_marker_drop = on_marker_drop
        self._listener: Listener | None = None
        self._marks_waiting = 0
        self._due: Due | None = None
        self._held_since_s: dict[Modality, float] = {}
        self._waking = False  # something is worth it, and has not been taken yet
        self._puts = 0
        self._markers_dropped = 0
        self._running = False
        self._closed = False

    def put(self, item: Item) -> None:
        """Queue an item; wake whoever takes. Nothing happens once the bridge is closed."""
        with self._lock:
            if self._closed:
                return
            if self._listener is not None:
                self._listener(item)
            self._items.append(item)
            self._puts += 1
            if isinstance(item, Arrival):
                self._make_room(item)
            elif isinstance(item, Marked):
                self._make_room_for_marks()
            if self._waking or not self._worth_waking(item):
                return
            self._waking = True
            self._awaited.notify()

    def hold(self, due: Due) -> None:
        """From now on let samples wait that come too early for anything to be done.

        Args:
            due: The stamp from which on there is something to do for one; from any thread.
        """
        self._due = due

    @property
    def ready(self) -> bool:
        """Whether `take` has no reason to wait."""
        return self._waking or self._closed

    def wait(self, timeout_s: float) -> bool:
        """Wait until `ready`, so long at most; whether it is; not on the loop."""
        with self._lock:
            return self._awaited.wait_for(lambda: self.ready, timeout_s)

    def take(self, timeout_s: float) -> list[Item]:
        """What waits, once it is worth it, or nothing comes any more; not on the loop.

        Returns:
            Oldest first; nothing, if nothing was worth it in this time, or the bridge is closed.
        """
        with self._lock:
            before = self._puts
            self._awaited.wait_for(lambda: self.ready, timeout_s)
            comes = self._puts != before
            return [] if self._closed or (comes and not self.ready) else self._take_waiting()

    def listen(self, listener: Listener | None) -> None:
        """Tell a listener of all that waits, then of each item before it is queued; None: nobody.

        It is told in the thread that puts, in the order of the queue, and whatever is dropped
        later; it must not wait.
        """
        with self._lock:
            self._listener = listener
            if listener is not None:
                for item in self._items:
                    listener(item)

    def start(self) -> None:
        """From now on a dropped chunk is a fault; before, nobody was there to take it."""
        self._running = True

    def dropped(self, modality: Modality) -> int:
        """Chunks dropped since `start`."""
        return self._dropped[modality]

    def dropped_before_start(self, modality: Modality) -> int:
        """Chunks that made room for newer ones while the session waited for its other stream."""
        return self._before_start[modality]

    @property
    def markers_dropped(self) -> int:
        """Markers that made room for newer ones."""
        return self._markers_dropped

    def close(self) -> None:
        """Refuse and forget everything; `take` returns."""
        with self._lock:
            self._closed = True
            self._items.clear()
            self._awaited.notify_all()

    def _take_waiting(self) -> list[Item]:
        items = [self._items.popleft() for _ in range(min(TAKE_AT_MOST, len(self._items)))]
        for item in items:
            if isinstance(item, Arrival):
                self._waiting_s[item.modality] -= signal_s(item.chunk)
            self._marks_waiting -= isinstance(item, Marked)
        if not self._items:
            self._waiting_s = dict.fromkeys(Modality, 0.0)  # no rounding piles up
            self._held_since_s.clear()
            self._waking = False
        return items

    def _worth_waking(self, item: Item) -> bool:
        if self._due is None or not isinstance(item, Arrival):
            return True
        t_s = item.chunk.t_s
        if item.chunk.gap_before or not len(t_s):
            return True
        last_s, modality = float(t_s[-1]), item.modality
        since_s = self._held_since_s.setdefault(modality, float(t_s[0]))
        return not since_s <= last_s < min(since_s + HOLD_S, self._due(modality))

    def _make_room(self, newest: Arrival) -> None:
        modality = newest.modality
        self._waiting_s[modality] += signal_s(newest.chunk)
        while self._waiting_s[modality] > self._bound_s and self._drop_oldest(newest):
            pass

    def _make_room_for_marks(self) -> None:
        self._marks_waiting += 1
        if self._marks_waiting > MARKS_AT_MOST:
            at, oldest = next((i, m) for i, m in enumerate(self._items) if isinstance(m, Marked))
            del self._items[at]
            self._marks_waiting -= 1
            self._markers_dropped += len(oldest.markers)
            self._on_marker_drop(len(oldest.markers))

    def _drop_oldest(self, newest: Arrival) -> bool:
        """Drop the oldest chunk of a modality, unless it is the only one."""
        mine = (
            i
            for i, item in enumerate(self._items)
            if isinstance(item, Arrival) and item.modality == newest.modality
        )
        oldest, following = next(mine), next(mine, None)
        if following is None:
            return False
        dropped, kept = self._items[oldest], self._items[following]
        if isinstance(dropped, Arrival) and isinstance(kept, Arrival):
            self._waiting_s[newest.modality] -= signal_s(dropped.chunk)
            self._items[following] = replace(kept, chunk=replace(kept.chunk, gap_before=True))
        del self._items[oldest]
        counter = self._dropped if self._running else self._before_start
        counter[newest.modality] += 1
        return True
