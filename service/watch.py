"""What is known about a stream while it runs: its state, its rate, its age."""

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec

RATE_WINDOW_S = 5.0


class StreamState(StrEnum):
    """The life of a stream, as an operator sees it."""

    WAITING = "waiting"  # not found yet
    FOUND = "found"  # open, no sample yet
    LIVE = "live"
    STALE = "stale"  # silent for too long, may come back
    ENDED = "ended"  # a finite source is exhausted
    LOST = "lost"  # gone for good, or unusable


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
        self._spec: StreamSpec | None = None
        self._last_arrival_s: float | None = None
        self._recent: deque[tuple[float, int]] = deque()
        self._error: Exception | None = None

    def saw_open(self, spec: StreamSpec) -> None:
        """The stream was found."""
        self._spec = spec
        self._last_arrival_s = self._clock()

    def saw_chunk(self, chunk: SampleChunk, *, arrived_s: float) -> None:
        """Samples arrived."""
        if not len(chunk):
            return
        with self._lock:
            self._last_arrival_s = arrived_s
            self._recent.append((arrived_s, len(chunk)))
            while self._recent[0][0] < arrived_s - RATE_WINDOW_S:
                self._recent.popleft()

    def saw_end(self, error: Exception) -> None:
        """The stream gives no more; `EndOfStreamError` is the orderly way."""
        self._error = error

    @property
    def spec(self) -> StreamSpec | None:
        """The stream as found, or None before that."""
        return self._spec

    @property
    def error(self) -> Exception | None:
        """Why it gives no more, or None while it may."""
        return self._error

    @property
    def state(self) -> StreamState:
        """The state at this moment."""
        if self._error is not None:
            ended = isinstance(self._error, EndOfStreamError)
            return StreamState.ENDED if ended else StreamState.LOST
        if self._last_arrival_s is None:
            return StreamState.WAITING
        if self._clock() - self._last_arrival_s > self._stale_s:
            return StreamState.STALE
        return StreamState.LIVE if self._recent else StreamState.FOUND

    @property
    def sample_age_s(self) -> float | None:
        """Time since the newest sample arrived; None before the first.

        By arrival, not by stamp: the stamps of a recording are those of its own day.
        """
        if not self._recent or self._last_arrival_s is None:
            return None
        return self._clock() - self._last_arrival_s

    @property
    def effective_rate_hz(self) -> float | None:
        """Samples per second over the latest seconds, by arrival; None until that is known.

        The first chunk of the stretch only marks its beginning: its samples came before.
        """
        with self._lock:
            recent = list(self._recent)
        if len(recent) < 2 or recent[-1][0] <= recent[0][0]:
            return None
        return sum(n for _, n in recent[1:]) / (recent[-1][0] - recent[0][0])
