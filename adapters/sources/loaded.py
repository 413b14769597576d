"""Recordings in memory as sources: at the pace of their own stamps, or as fast as they are read."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.delivery import Delivery, not_open
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, SourceHealth, StreamSpec
from hadua.adapters.sources.stream_info import StreamInfo
from hadua.models.errors import UsageError
from hadua.models.features import FloatArray

_FIRST_STRETCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """One stream of a recording.

    Args:
        info: The stream, and what was odd in its description.
        stamp_s: `(n,)` stamps as recorded.
        x: `(n, n_channels)`.
        origin_s: The earliest stamp of the whole recording: a pace counts from it.
    """

    info: StreamInfo
    stamp_s: FloatArray
    x: npt.NDArray[np.generic]
    origin_s: float


class LoadedSource(ABC):
    """Replays one numeric stream; whoever knows a format fills in `load` and `description`.

    Stamps are smoothed by our own `SegmentClock`, as in a live run. They stay those of the
    recording, so two sources on one file keep their relation, whatever the speed.

    Args:
        name: What to call it when it ends.
        speed: None delivers as fast as it is read; 1.0 in real time; 2.0 twice as fast.
        chunk_s: Length of a chunk.
        clock: The time now, in seconds.
        sleep: How to wait.
    """

    def __init__(
        self,
        name: str,
        *,
        speed: float | None = None,
        chunk_s: float = 0.05,
        clock: Callable[[], float] = lsl_now_s,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if speed is not None and not (math.isfinite(speed) and speed > 0.0):
            raise UsageError("replay speed", got=f"{speed}", expected="a positive number, as in 1")
        self._name = name
        self._speed = speed
        self._chunk_s = chunk_s
        self._clock = clock
        self._sleep = sleep
        self._delivery: Delivery | None = None
        self._open = False
        self._stamp_s: FloatArray = np.empty(0)
        self._x: npt.NDArray[np.generic] = np.empty((0, 0))
        self._position, self._started_s, self._origin_s = 0, 0.0, 0.0

    @property
    @abstractmethod
    def description(self) -> str:
        """The SOURCE text that means this source."""

    @abstractmethod
    def load(self) -> Loaded:
        """Read the stream; see `open`."""

    @property
    def paced(self) -> bool:
        """Whether it is delivered at a pace."""
        return self._speed is not None

    def open(self, timeout_s: float) -> StreamSpec:
        """Read the file; it takes as long as it takes, but waits for nothing.

        Raises:
            RecordingError: missing, damaged, of another format, or without such a stream.
            StreamInvalidError: the stream cannot be used as it is.
        """
        loaded = self.load()
        info = loaded.info
        self._stamp_s, self._x = loaded.stamp_s, loaded.x
        self._delivery = Delivery(info.spec, notes=info.notes, lag=info.lag, patience_s=None)
        self._origin_s = loaded.origin_s
        self._position, self._started_s, self._open = 0, self._clock(), True
        return info.spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """The next chunk when it is due; see `Source`."""
        delivery = self._delivery
        if delivery is None or not self._open:
            raise not_open(self.description)
        until_s = self._clock() + timeout_s
        while (chunk := delivery.pop()) is None:
            if self._position >= self._stamp_s.shape[0]:
                return self._last(delivery)
            stop = self._next_stop()
            if not self._wait_until_due(stop - 1, max(until_s - self._clock(), 0.0)):
                return None
            part = slice(self._position, stop)
            self._position = stop
            delivery.push(self._stamp_s[part], self._x[part])
        return chunk

    def _last(self, delivery: Delivery) -> SampleChunk:
        delivery.flush()
        if (chunk := delivery.pop()) is None:
            raise EndOfStreamError(f"{self._name} ends")
        return chunk

    def health(self) -> SourceHealth:
        """Counts; a recording has no clock of its own any more."""
        return SourceHealth() if self._delivery is None else self._delivery.health()

    def close(self) -> None:
        """Let go of the samples."""
        self._open = False
        self._stamp_s, self._x = np.empty(0), np.empty((0, 0))

    def _next_stop(self) -> int:
        """The end of the chunk that begins at the position: `chunk_s` long, one sample at least."""
        n, end_s = _FIRST_STRETCH, self._stamp_s[self._position] + self._chunk_s
        while True:  # never over the whole rest: that would cost the square of the recording
            stretch_s = self._stamp_s[self._position : self._position + n]
            beyond = np.flatnonzero(stretch_s >= end_s)
            if beyond.shape[0]:
                return self._position + max(int(beyond[0]), 1)
            if stretch_s.shape[0] < n:
                return int(self._stamp_s.shape[0])
            n *= 2

    def _wait_until_due(self, last: int, timeout_s: float) -> bool:
        if self._speed is None:
            return True
        due_s = self._started_s + (float(self._stamp_s[last]) - self._origin_s) / self._speed
        wait_s = due_s - self._clock()
        if wait_s > 0.0:
            self._sleep(min(wait_s, timeout_s))
        return wait_s <= timeout_s
