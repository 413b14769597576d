"""What is known about a stream while it runs: its state, its rate, its age, its outages."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec
from hadua.models.features import FloatArray
from hadua.service.changed_stream import what_changed

RATE_WINDOW_S = 5.0
RATE_KNOWN_S = 1.0
KEPT_S = 3.0
"""Latest seconds that are kept for a look, where nobody asks for more."""
BACK_S = 5.0


class StreamState(StrEnum):
    """The life of a stream, as an operator sees it."""

    WAITING = "waiting"  # not found yet
    FOUND = "found"  # open, no sample yet
    LIVE = "live"
    STALE = "stale"  # connected, and silent for too long
    LOST = "lost"  # not there: disconnected, or it does not answer; it is looked for
    BACK = "back"  # live again, for a few seconds
    CHANGED = "changed"  # live again, but not as it was
    ENDED = "ended"  # a finite source is exhausted, or one is unusable

    @property
    def flows(self) -> bool:
        """Whether samples arrive."""
        return self in (StreamState.LIVE, StreamState.BACK, StreamState.CHANGED)

    @property
    def gone(self) -> bool:
        """Whether samples should arrive and do not."""
        return self in (StreamState.STALE, StreamState.LOST)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A chunk in half the memory: its values are as exact as an amplifier sends them."""

    arrived_s: float
    spec: StreamSpec
    t_s: FloatArray
    x: npt.NDArray[np.float32]
    gap_before: bool

    @classmethod
    def of(cls, chunk: SampleChunk, arrived_s: float) -> "_Kept":
        with np.errstate(over="ignore"):  # out of its range is infinite, and no signal
            x = chunk.x.astype(np.float32)
        return cls(arrived_s, chunk.spec, chunk.t_s, x, chunk.gap_before)

    def chunk(self) -> SampleChunk:
        return SampleChunk(self.spec, self.t_s, self.x.astype(np.float64), self.gap_before)


class StreamWatch:
    """Follows one stream. `saw_*` are called by its reader, the rest by anybody.

    Args:
        stale_s: Silence after which a stream is stale.
        clock: LSL seconds now.
    """

    def __init__(self, *, stale_s: float, clock: Callable[[], float]) -> None:
        self._stale_s = stale_s
        self._clock = clock
        self._lock = threading.Lock()
        self._first_spec: StreamSpec | None = None
        self._spec: StreamSpec | None = None
        self._opened_s = 0.0
        self._last_arrival_s: float | None = None
        self._recent: deque[tuple[float, int]] = deque()  # when, and how many samples
        self._n_recent = 0  # samples of these
        self._kept: deque[_Kept] = deque()
        self._kept_s = KEPT_S
        self._answers: bool | None = None
        self._lost: Exception | None = None
        self._error: Exception | None = None
        self._back_until_s = 0.0
        self._outages, self._last_outage_s = 0, 0.0

    @property
    def stale_s(self) -> float:
        """Silence after which it is stale."""
        return self._stale_s

    def saw_open(self, spec: StreamSpec) -> None:
        """The stream was found, for the first time or again."""
        with self._lock:
            self._first_spec = self._first_spec or spec
            self._spec, self._lost, self._answers = spec, None, None
            self._opened_s = self._clock()

    def saw_lost(self, error: Exception) -> None:
        """The stream is gone, or it is not found again, which is why."""
        self._lost = error

    def saw_answer(self, answers: bool | None) -> None:
        """Whether its sender can be heard of; None where nobody would know."""
        self._answers = answers

    def saw_chunk(self, chunk: SampleChunk, *, arrived_s: float) -> None:
        """Samples arrived."""
        if not len(chunk):
            return
        with self._lock:
            before_s = self._last_arrival_s
            if before_s is not None and self._was_away(before_s, arrived_s):
                self._outages += 1
                self._last_outage_s = arrived_s - before_s
                self._back_until_s = arrived_s + BACK_S
                self._recent.clear()
                self._n_recent = 0
                self._kept.clear()
            self._last_arrival_s = arrived_s
            self._recent.append((arrived_s, len(chunk)))
            self._n_recent += len(chunk)
            while self._recent[0][0] < arrived_s - RATE_WINDOW_S:
                self._n_recent -= self._recent.popleft()[1]
            self._kept.append(_Kept.of(chunk, arrived_s))
            while self._kept[0].arrived_s < arrived_s - self._kept_s:
                self._kept.popleft()

    def keep(self, seconds: float) -> None:
        """Keep so many of the latest seconds for a look, and `KEPT_S` at least."""
        self._kept_s = max(KEPT_S, seconds)

    def saw_end(self, error: Exception) -> None:
        """The stream gives no more; `EndOfStreamError` is the orderly way."""
        self._error = error

    @property
    def spec(self) -> StreamSpec | None:
        """The stream as it is now, or None before it was found."""
        return self._spec

    @property
    def change(self) -> str:
        """What is other than when it was found first, in words; empty if nothing is."""
        first, now = self._first_spec, self._spec
        return what_changed(first, now) if first is not None and now is not None else ""

    @property
    def error(self) -> Exception | None:
        """Why it gives no more, or is not found again; None while all is well."""
        return self._error or self._lost

    @property
    def outages(self) -> int:
        """How often it was away and came back."""
        return self._outages

    @property
    def last_outage_s(self) -> float:
        """How long it was away the last time; 0 if it never was."""
        return self._last_outage_s

    @property
    def state(self) -> StreamState:
        """The state at this moment."""
        if self._error is not None:
            ended = isinstance(self._error, EndOfStreamError)
            return StreamState.ENDED if ended else StreamState.LOST
        if self._lost is not None:
            return StreamState.LOST
        if self._spec is None:
            return StreamState.WAITING
        now_s, last_s = self._clock(), self._last_arrival_s
        if now_s - (self._opened_s if last_s is None else last_s) > self._stale_s:
            return StreamState.LOST if self._answers is False else StreamState.STALE
        if last_s is None:
            return StreamState.FOUND
        if self.change:
            return StreamState.CHANGED
        return StreamState.BACK if now_s < self._back_until_s else StreamState.LIVE

    @property
    def sample_age_s(self) -> float | None:
        """Time since the newest sample arrived; None before the first.

        By arrival, not by stamp: the stamps of a recording are those of its own day.
        """
        return None if self._last_arrival_s is None else self._clock() - self._last_arrival_s

    @property
    def recent(self) -> tuple[SampleChunk, ...]:
        """What came in the latest seconds, since it was last away: for a look at its quality.

        To the precision of single floats.
        """
        with self._lock:
            kept = tuple(self._kept)
        return tuple(each.chunk() for each in kept)

    @property
    def effective_rate_hz(self) -> float | None:
        """Samples per second over the latest seconds, by arrival; None until that is known.

        Over less than a second it says little: a stream that comes back begins with a burst.
        The first chunk of the stretch only marks its beginning: its samples came before. A stream
        that is gone has none.
        """
        if self.state.gone:
            return None
        with self._lock:
            if len(self._recent) < 2:
                return None
            (first_s, first), (last_s, _) = self._recent[0], self._recent[-1]
            n = self._n_recent - first
        return None if last_s < first_s + RATE_KNOWN_S else n / (last_s - first_s)

    def _was_away(self, before_s: float, arrived_s: float) -> bool:
        return self._opened_s > before_s or arrived_s - before_s > self._stale_s
