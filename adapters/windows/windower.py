"""Windows cut out of a stream by time, on a grid that every modality shares.

Grid end k lies at `k * hop_s + phase_s` in absolute LSL seconds, and its window is the `window_s`
before it: the windows of two streams belong together because of when they are, whatever arrived
first. A window holds `round(window_s * rate_hz)` samples from its first one
on, and none that straddles a gap is ever made. A filter of finite length may need a margin of
signal on both sides: then the samples of both margins are in it, and are part of it in every way.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from hadua.adapters.state import Fields
from hadua.adapters.windows.signal_window import GapWindow, SignalWindow
from hadua.models.errors import InvalidInputError, StreamInvalidError
from hadua.models.features import FloatArray

LONG_GAP_S = 2.0
"""A gap longer than this is accounted for by one `GapWindow`, not by one for each grid end: what
would be said of each is the same, and all of it would be said at once, after the gap."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How samples follow each other.

    Args:
        step_s: From one to the next.
        off_s: By so much at most one lies beside its place.
    """

    step_s: float
    off_s: float


class Windower:
    """Cuts a stream into windows; what comes out does not depend on how it was chunked.

    From the first grid end whose window the stream can fill, each end comes out exactly once and in
    order: as a `SignalWindow` once its last sample is there, as a `GapWindow` once the stream has
    reached its end. A gap is what the source marks as one, and every step in time longer than
    2.5 samples and 20 ms. A step back in time below that is jitter and is flattened.

    Args:
        rate_hz: Nominal rate of the stream.
        n_channels: Its columns.
        window_s: Length of a window.
        hop_s: Distance between two ends.
        phase_s: Where the ends lie within a hop.
        margin_s: So much more signal is needed before a window's start and after its end.
        n_tail: Samples at the end of a window that `begin` does not wait for.
    """

    STATE: ClassVar[Fields] = {
        "_head": int,
        "_tail": int,
        "_waiting": tuple[FloatArray, FloatArray],
        "_k": int,
        "_newest_s": float,
        "_floor_s": float,
        "_segment_s": float,
        "_gap_reason": str,
        "_gap_pending": bool,
    }

    def __init__(
        self,
        rate_hz: float,
        n_channels: int,
        *,
        window_s: float,
        hop_s: float,
        phase_s: float = 0.0,
        margin_s: float = 0.0,
        n_tail: int = 0,
    ) -> None:
        if not (math.isfinite(rate_hz) and rate_hz > 0.0):
            raise StreamInvalidError(
                "windows by time need a sampling rate",
                got=f"{rate_hz} Hz",
                expected="the nominal rate of a regular stream",
                hint="Set the rate in the outlet: 0 means irregular.",
            )
        if not 0.0 < hop_s <= window_s or round(window_s * rate_hz) < 1:
            raise InvalidInputError(
                "grid of windows",
                got=f"hop_s={hop_s}, window_s={window_s} at {rate_hz:g} Hz",
                expected="0 < hop_s <= window_s, and a sample in each window",
            )
        self._window_s, self._hop_s, self._margin_s = window_s, hop_s, margin_s
        self._phase_s = phase_s
        self._span_s = window_s + 2.0 * margin_s
        self._n = round(self._span_s * rate_hz)
        self._n_begun = max(self._n - n_tail, 0)
        self._period_s = 1.0 / rate_hz
        self._gap_s = max(2.5 / rate_hz, 0.02)
        self._span_tolerance_s = 0.02 * self._span_s + 2.0 / rate_hz
        self._nth = np.arange(self._n, dtype=np.float64)
        # Time and samples of the stretch since the last gap, as far as windows still need it:
        # [_head, _tail) of buffers that never grow, each channel contiguous. Windows look into
        # them, so what was written once is never written over: new buffers take their place.
        self._t_s = np.empty(2 * self._n + 64)
        self._x = np.empty((n_channels, len(self._t_s)))
        self.reset()

    def reset(self) -> None:
        """Forget everything, as if no sample had ever come."""
        self._begin_anew()
        self._k = 0  # the next grid end to account for, once there is a sample
        self._newest_s = -math.inf  # newest time stamp as it came
        self._floor_s = -math.inf  # newest time stamp since the last gap
        self._segment_s = math.inf  # first time stamp since the last gap
        self._gap_reason = ""
        self._gap_pending = False

    def _begin_anew(self) -> None:
        """Let go of all samples, and of what is known of those that come next."""
        self._t_s, self._x = np.empty_like(self._t_s), np.empty_like(self._x)
        self._head = self._tail = 0
        self._begun: FloatArray | None = None
        self._begun_at = 0  # where in the buffer it starts
        self._pace: Pace | None = None  # of the window before, if that was even

    @property
    def due_s(self) -> float:
        """No sample stamped earlier completes a window; minus infinity before the first sample."""
        if math.isinf(self._newest_s):
            return -math.inf
        end_s = self._end_s(self._k)
        due_s = end_s + self._margin_s - self._span_tolerance_s
        # That a window cannot be whole is said once its end is reached, with no margin.
        if not self._complete(self._k):
            return min(due_s, end_s - 1.5 * self._period_s)
        return due_s if self._pace is None else max(due_s, self._last_s(self._pace, -1.0))

    @property
    def sure_s(self) -> float:
        """A sample stamped so, or later, completes the window; infinity where none surely does."""
        if self._pace is None or not self._complete(self._k):
            return math.inf
        return self._last_s(self._pace, 1.0)

    @property
    def next_end_s(self) -> float:
        """End of the window that comes next; minus infinity before the first sample."""
        return -math.inf if math.isinf(self._newest_s) else self._end_s(self._k)

    @property
    def begin_due_s(self) -> float:
        """From about which stamp on `begin` has something to give; infinity: it has given it."""
        if self._begun is not None or not self._n_begun or not self._complete(self._k):
            return math.inf
        return self._start_s(self._k) - self._margin_s + self._n_begun * self._period_s

    @property
    def last_s(self) -> float:
        """About the stamp of the last sample of the window that was begun; infinity: none is."""
        if self._begun is None:
            return math.inf
        return self._end_s(self._k) + self._margin_s - self._period_s

    def begin(self) -> FloatArray | None:
        """The window that comes next, once all but `n_tail` of its samples are there.

        Returns:
            `(n - n_tail, n_channels)` its first samples, read-only, each channel contiguous in
            memory. The window names it as `begun`, should it ever be whole. None a second time.
        """
        waits = self._tail - self._head < self._n_begun or not self._n_begun
        if waits or self._begun is not None or not self._complete(self._k):
            return None
        at = self._first()
        if self._tail - at < self._n_begun:
            return None
        self._begun, self._begun_at = self._x[:, at : at + self._n_begun].T, at
        self._begun.setflags(write=False)
        return self._begun

    def push(
        self, t_s: FloatArray, x: FloatArray, *, gap_before: bool = False
    ) -> list[SignalWindow | GapWindow]:
        """Take in samples and return the windows that they complete.

        Args:
            t_s: `(n,)` LSL seconds, non-decreasing.
            x: `(n, n_channels)`.
            gap_before: Samples are missing before the first of these.

        Raises:
            StreamInvalidError: time runs backwards by more than a window.
        """
        out: list[SignalWindow | GapWindow] = []
        self._gap_pending |= gap_before
        if not len(t_s):
            return out
        jumps = np.abs(t_s[1:] - t_s[:-1]) > self._gap_s
        breaks = [k + 1 for k in jumps.nonzero()[0].tolist()]
        for start, stop in pairwise([0, *breaks, len(t_s)]):
            self._enter(float(t_s[start]), out)
            self._take(t_s[start:stop], x[start:stop], out)
            self._newest_s = float(t_s[stop - 1])
        return out

    @property
    def _waiting(self) -> tuple[FloatArray, FloatArray]:
        """What of the buffers is still needed: times `(n,)`, samples `(n_channels, n)`."""
        at = slice(self._head, self._tail)
        return self._t_s[at], self._x[:, at]

    @_waiting.setter
    def _waiting(self, waiting: tuple[FloatArray, FloatArray]) -> None:
        (t_s, x), n = waiting, self._tail - self._head
        fits = 0 <= self._head <= self._tail <= len(self._t_s)
        if not fits or t_s.shape != (n,) or x.shape != (len(self._x), n):
            raise InvalidInputError(
                "samples that wait for their window",
                got=f"times {t_s.shape}, samples {x.shape} from {self._head} to {self._tail}",
                expected=f"{len(self._x)} channels, at most {len(self._t_s)} samples",
            )
        self._renew(t_s, x, at=self._head)

    def _renew(self, t_s: FloatArray, x: FloatArray, *, at: int) -> None:
        """Go on with new buffers that hold this: windows may look into those that were."""
        self._t_s, self._x = np.empty_like(self._t_s), np.empty_like(self._x)
        self._t_s[at : at + len(t_s)], self._x[:, at : at + len(t_s)] = t_s, x
        self._head, self._tail = at, at + len(t_s)

    def _enter(self, t_s: float, out: list[SignalWindow | GapWindow]) -> None:
        """Start a new stretch at `t_s` if that is not where the last one goes on."""
        step_s = t_s - self._newest_s
        if not self._gap_pending and abs(step_s) <= self._gap_s:
            return
        if step_s < -max(self._window_s, 1.0):
            raise StreamInvalidError(
                "time stamps run backwards",
                got=f"{t_s:.3f} s after {self._newest_s:.3f} s",
                expected="LSL time, which never does",
                hint="Was the device's clock reset? Start a new session.",
            )
        self._gap_pending = False
        self._segment_s, self._floor_s = t_s, -math.inf
        self._begin_anew()
        if math.isinf(step_s):
            self._k = self._first_complete()
            return
        self._gap_reason = f"samples are missing before {t_s:.3f} s ({step_s:.3f} s)"
        if step_s > LONG_GAP_S:
            self._skip(out)

    def _first_complete(self) -> int:
        """The first grid end whose window starts no earlier than this stretch."""
        earliest_s = self._segment_s + self._margin_s + self._window_s - self._phase_s
        k = math.floor(earliest_s / self._hop_s) - 1
        while not self._complete(k):
            k += 1
        return k

    def _complete(self, k: int) -> bool:
        return self._segment_s <= self._start_s(k) - self._margin_s + 0.5 * self._period_s

    def _start_s(self, k: int) -> float:
        return self._end_s(k) - self._window_s

    def _end_s(self, k: int) -> float:
        return k * self._hop_s + self._phase_s

    def _skip(self, out: list[SignalWindow | GapWindow]) -> None:
        """Account at once for all grid ends before this stretch."""
        reached_s = self._segment_s + 1.5 * self._period_s - self._phase_s
        last = math.floor(reached_s / self._hop_s)
        count = last - self._k + 1
        if count > 0:
            start_s, end_s = self._start_s(self._k), self._end_s(last)
            out.append(GapWindow(start_s, end_s, self._gap_reason, count))
            self._k = last + 1

    def _take(self, t_s: FloatArray, x: FloatArray, out: list[SignalWindow | GapWindow]) -> None:
        """Append samples without a gap among them, piece by piece as far as the buffer goes."""
        done = 0
        while done < len(t_s):
            m = min(len(t_s) - done, self._room())
            at = slice(self._tail, self._tail + m)
            taken_s = self._t_s[at]
            np.maximum(t_s[done : done + m], self._floor_s, out=taken_s)
            np.maximum.accumulate(taken_s, out=taken_s)
            self._x[:, at] = x[done : done + m].T
            self._tail += m
            done += m
            self._floor_s = float(taken_s[-1])
            while (window := self._next()) is not None:
                out.append(window)
                self._k += 1
                self._begun = None

    def _room(self) -> int:
        """Free rows at the end of the buffer, at least one."""
        if self._tail == len(self._t_s):
            # Never more than a window is waiting, unless the rate is far above its nominal value:
            # then the oldest go, and the span of what is left tells `_cut`.
            self._head = max(self._head, self._tail - self._n)
            self._begun_at -= self._head
            self._renew(*self._waiting, at=0)
        return len(self._t_s) - self._tail

    def _next(self) -> SignalWindow | GapWindow | None:
        """The window of the next grid end, or None while that cannot be told yet."""
        start_s, end_s = self._start_s(self._k), self._end_s(self._k)
        if self._complete(self._k):
            return self._cut(start_s, end_s)
        if self._floor_s < end_s - 1.5 * self._period_s:
            return None
        return GapWindow(start_s, end_s, self._gap_reason)

    def _cut(self, start_s: float, end_s: float) -> SignalWindow | GapWindow | None:
        self._head = self._first()
        if self._tail - self._head < self._n:
            return None
        at = slice(self._head, self._head + self._n)
        t_s, x = self._t_s[at], self._x[:, at].T
        span_s = float(t_s[-1] - t_s[0]) + self._period_s
        if abs(span_s - self._span_s) > self._span_tolerance_s:
            took = f"{self._n} samples took {span_s:.3f} s instead of {self._span_s:g} s"
            reason = f"{took}: the stream's rate is not what it declares"
            return GapWindow(start_s, end_s, reason)
        self._pace = self._pace_of(t_s)
        t_s.setflags(write=False)
        x.setflags(write=False)
        same = self._begun_at == self._head  # or was it pushed out of the buffer
        return SignalWindow(start_s, end_s, t_s, x, self._begun if same else None)

    def _pace_of(self, t_s: FloatArray) -> Pace | None:
        """How samples follow each other; None where one is off by a period."""
        step_s = float(t_s[-1] - t_s[0]) / max(len(t_s) - 1, 1)
        off_s = self._nth * step_s
        off_s += t_s[0]
        off_s -= t_s
        most_s = max(float(off_s.max()), -float(off_s.min()))
        return Pace(step_s, most_s) if most_s < self._period_s else None

    def _last_s(self, pace: Pace, side: float) -> float:
        """The earliest (-1) or latest (1) stamp of the last sample of the window that comes."""
        first_s = self._start_s(self._k) - self._margin_s
        # The first lies within half a period of there. Twice: of the pace, and of the sample.
        off_s = 0.51 * self._period_s + 2.0 * pace.off_s
        return first_s + (self._n - 1) * pace.step_s + side * off_s

    def _first(self) -> int:
        """Where in the buffer the window that comes next starts, or will."""
        first_s = self._start_s(self._k) - self._margin_s - 0.5 * self._period_s
        waiting_s = self._t_s[self._head : self._tail]
        if len(waiting_s) and waiting_s[0] >= first_s:  # mostly it was found already
            return self._head
        return self._head + int(waiting_s.searchsorted(first_s))
