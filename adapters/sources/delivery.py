"""From raw blocks to chunks: instants, gaps and the count of what went by."""

from collections import deque
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import Restamped, SegmentClock, lsl_now_s
from hadua.adapters.sources.lag import NO_LAG, Lag
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.errors import StreamLostError
from hadua.models.features import FloatArray

_DISCARDED_S = 5.0
_DISCARDED_SAMPLES = 250


class Delivery:
    """Re-stamp raw blocks of one stream, cut them at gaps, and hand them out one by one.

    The first samples of a stretch wait for a few more, as `SegmentClock` says; if those do not
    come, they wait no longer than `patience_s`.

    Args:
        spec: The stream.
        notes: What its header had that was odd.
        lag: What its stamps are late by.
        goes_on_from: The delivery before the stream was lost: its clock goes on, behind a gap.
        patience_s: Longest wait, by `clock`; None where it depends on the stamps alone.
        clock: The time now, in seconds.
    """

    def __init__(
        self,
        spec: StreamSpec,
        *,
        notes: tuple[str, ...] = (),
        lag: Lag = NO_LAG,
        goes_on_from: "Delivery | None" = None,
        patience_s: float | None = 0.5,
        clock: Callable[[], float] = lsl_now_s,
    ) -> None:
        self._spec = spec
        self._notes = notes
        self._lag = lag
        self._patience_s = patience_s
        self._now_s = clock
        if goes_on_from is None:
            self._clock = SegmentClock(spec.rate_hz, name=spec.name)
        else:
            self._clock = goes_on_from.clock
            self._clock.lose()
        self._held = np.empty((0, len(spec.channels)))
        self._held_since_s = 0.0
        self._ready: deque[SampleChunk] = deque()
        self._samples = self._gaps = self._lost = self._discarded_in_a_row = 0

    @property
    def clock(self) -> SegmentClock:
        """What turns its stamps into instants."""
        return self._clock

    def push(self, stamp_s: FloatArray, x: npt.NDArray[np.generic]) -> None:
        """Take `(n,)` stamps in LSL seconds of this machine, and `(n, n_channels)`, copied.

        Raises:
            StreamInvalidError: a stamp is not finite, or the block does not fit the stream.
            StreamLostError: time went back, and has not caught up after five seconds of samples.
        """
        own = np.array(x, dtype=np.float64, order="C")
        if own.shape != (stamp_s.shape[0], len(self._spec.channels)):
            SampleChunk(self._spec, stamp_s, own)  # which says what does not fit
        self._take(self._clock.push(stamp_s - self._lag.s), own)

    def lose(self, n: int | None = None) -> None:
        """Note a gap before the next block: of `n` samples, or of as many as time will say."""
        self._take(self._clock.lose(n), self._held[:0])

    def flush(self) -> None:
        """Hand out what waits for more samples: none are to be expected soon."""
        self._take(self._clock.flush(), self._held[:0])

    def pop(self) -> SampleChunk | None:
        """The oldest chunk not yet handed out."""
        if not self._ready and self.wait_s() == 0.0:
            self.flush()
        if not self._ready:
            return None
        chunk = self._ready.popleft()
        self._samples += len(chunk)
        self._gaps += chunk.gap_before
        return chunk

    @property
    def empty(self) -> bool:
        """Whether nothing is ready, and nothing waits for more samples."""
        return not self._ready and not self._held.shape[0]

    def wait_s(self) -> float | None:
        """How long those that wait may still wait; None if there are none or it does not matter."""
        if not self._held.shape[0] or self._patience_s is None:
            return None
        return max(0.0, self._held_since_s + self._patience_s - self._now_s())

    def _take(self, stamped: Restamped, x: FloatArray) -> None:
        """Cut what has been decided into chunks; keep the other rows."""
        held, n = self._held.shape[0], stamped.kept.shape[0]
        rows = np.concatenate([self._held, x]) if held else x
        decided = rows if n == rows.shape[0] else rows[:n]
        if n < rows.shape[0] and (n or not held):
            self._held_since_s = self._now_s()
        self._held = rows[n:].copy()
        self._lost += stamped.lost
        own = decided if stamped.kept.all() else decided[stamped.kept]
        edges = sorted({0, *stamped.gaps, stamped.t_s.shape[0]})
        if len(edges) == 2 and own is x:
            self._ready.append(SampleChunk(self._spec, stamped.t_s, own, bool(stamped.gaps)))
            edges = []
        for start, stop in pairwise(edges):
            part = slice(start, stop)
            self._ready.append(
                SampleChunk(
                    self._spec, stamped.t_s[part].copy(), own[part].copy(), start in stamped.gaps
                )
            )
        self._refuse_time_that_went_back(n - own.shape[0], own.shape[0])

    def health(
        self, *, clock_offset_s: float = 0.0, clock_uncertainty_s: float | None = None
    ) -> SourceHealth:
        """The counts so far, with the offset of the sender's clock where there is one."""
        return SourceHealth(
            clock_offset_s=clock_offset_s,
            clock_uncertainty_s=clock_uncertainty_s,
            lag_s=self._lag.s,
            lag_said_by=self._lag.said_by,
            samples=self._samples,
            gaps=self._gaps,
            lost_samples=self._lost,
            notes=self._notes + self._oddities(),
        )

    def _oddities(self) -> tuple[str, ...]:
        notes: list[str] = []
        declared_hz, seen_hz = self._spec.rate_hz, self._clock.rate_hz
        if abs(seen_hz - declared_hz) > 0.02 * declared_hz:
            notes.append(f"declares {declared_hz:g} Hz but sends about {seen_hz:.1f} Hz")
        if apart_s := self._clock.bursts_apart_s:
            notes.append(f"sends in bursts about {1e3 * apart_s:.0f} ms apart: windows are as late")
        if self._clock.clamped:
            notes.append("some time stamps went back a little and were held")
        if self._clock.discarded:
            notes.append("some time stamps went far back: those samples were discarded")
        return tuple(notes)

    def _refuse_time_that_went_back(self, discarded: int, kept: int) -> None:
        self._discarded_in_a_row = 0 if kept else self._discarded_in_a_row + discarded
        limit = max(_DISCARDED_S * self._spec.rate_hz, _DISCARDED_SAMPLES)
        if self._discarded_in_a_row > limit:
            raise StreamLostError(
                f"stream {self._spec.name!r}: its time stamps went back and stay there",
                got=f"{self._discarded_in_a_row} samples from before the last one delivered",
                expected="time that moves on",
                hint="Was the sending computer restarted? Start the session again.",
            )


def not_open(description: str) -> StreamLostError:
    """The error of a `read` before `open` or after `close`."""
    return StreamLostError(
        f"source {description!r} is not open",
        expected="open() before read(), and no read() after close()",
    )
