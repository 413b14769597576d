"""One clock, and time stamps that can be trusted although the device's own jitter.

All times in this program are LSL seconds: those of `lsl_now_s`.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np

from hadua.adapters.sources.bursts import Bursts
from hadua.adapters.sources.envelope import Envelope
from hadua.models.errors import StreamInvalidError
from hadua.models.features import BoolArray, FloatArray

_HOLE_S = 0.08
_HOLE_PERIODS = 2.5
_IRREGULAR_HOLE_S = 0.25
_IRREGULAR_INTERVALS = 5.0
_INTERVALS_KEPT = 64
_BACKWARDS_S = 0.25
_LARGEST_S = 1e11
"""Beyond it a float64 no longer tells microseconds apart; wall clocks are at 1.8e9."""


def lsl_now_s() -> float:
    """The time now on liblsl's clock, without liblsl, so that a demo runs where it is missing.

    `lsl_local_clock` is C++'s `steady_clock`: `CLOCK_MONOTONIC` on Linux and the performance
    counter on Windows, both of which are `time.perf_counter` here; on macOS it is
    `CLOCK_MONOTONIC_RAW`. (`time.monotonic` is another, 16 ms coarse clock on Windows up to
    Python 3.12.) Linux is tested; `LslSource` notes it where the two should ever differ.
    """
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    return time.perf_counter()


@dataclass(frozen=True, slots=True, eq=False)
class Restamped:
    """What `SegmentClock.push` makes of a block of stamps.

    Args:
        t_s: `(m,)` instants of the samples kept, never decreasing.
        kept: `(n,)`, False where a sample's stamp lay far before one already delivered.
        gaps: Positions in `t_s` before which samples are missing.
        lost: How many samples are missing, estimated; negative where some that were thought lost
            before have come after all.
    """

    t_s: FloatArray
    kept: BoolArray
    gaps: tuple[int, ...]
    lost: int


class SegmentClock:
    """Turn the stamps of a stream into instants, causally, beginning anew after every gap.

    A regular stream goes through an `Envelope`; an irregular one (rate 0) keeps its stamps. A gap
    is a hole of at least 80 ms (2.5 periods of a slow stream; longer once `Bursts` knows that the
    stream comes in bursts) that the samples at hand do not make up for, a second that lacks 8 % of
    its samples, or a stamp more than 250 ms before one already seen; in an irregular stream, an
    interval above 250 ms and above five times the median.

    Args:
        rate_hz: Nominal rate; 0 for irregular.
        name: Stream name, for errors.
    """

    def __init__(self, rate_hz: float, *, name: str = "") -> None:
        if not (np.isfinite(rate_hz) and rate_hz >= 0.0):
            raise StreamInvalidError(
                f"stream {name!r}: nominal rate", got=f"{rate_hz}", expected="0 or a positive rate"
            )
        self._name = name
        self._line = Envelope(1.0 / rate_hz) if rate_hz > 0.0 else None
        self._bursts = Bursts()
        self._intervals_s = np.empty(0)
        self._newest_s = self._raw_s = self._tail_s = self._last_s = -np.inf
        self._broken = False
        self._counted: int | None = None
        self.clamped = 0
        self.discarded = 0

    @property
    def rate_hz(self) -> float:
        """The rate it believes in by now; 0 for irregular."""
        return 0.0 if self._line is None else 1.0 / self._line.period_s

    @property
    def bursts_apart_s(self) -> float:
        """How far apart its bursts lie; 0 for a stream that does not send in long bursts."""
        return self._bursts.apart_s

    def lose(self, n: int | None = None) -> None:
        """Note a gap before the next sample, of `n` samples where the sender counts them."""
        if np.isfinite(self._newest_s):
            self._broken, self._counted = True, n

    def push(self, stamp_s: FloatArray) -> Restamped:
        """Re-stamp the next `(n,)` samples.

        Raises:
            StreamInvalidError: a stamp is not finite, or absurdly large.
        """
        sane = np.abs(stamp_s) <= _LARGEST_S  # False for NaN
        if not sane.all():
            raise StreamInvalidError(
                f"stream {self._name!r}: a time stamp is not a time",
                got=f"{stamp_s[~sane][0]}",
                expected="LSL seconds, finite",
            )
        kept, broken = self._sort_out(stamp_s)
        s = stamp_s[kept]
        if self._line is None:
            out = _Work([s], self._irregular_holes(s) | broken)
        else:
            out = self._restamp(s, self._line, broken)
        raw_s = out.pieces[0] if len(out.pieces) == 1 else np.concatenate([s[:0], *out.pieces])
        t_s = np.maximum(np.maximum.accumulate(raw_s), self._last_s)
        self.clamped += int(np.count_nonzero(t_s > raw_s))
        self._last_s = float(t_s[-1]) if t_s.shape[0] else self._last_s
        return Restamped(t_s, kept, tuple(sorted(out.gaps)), out.lost + self._count(~kept))

    def _sort_out(self, stamp_s: FloatArray) -> tuple[BoolArray, set[int]]:
        """Which samples to keep; and which of those kept follow one that was not."""
        newest_s = np.maximum(np.maximum.accumulate(stamp_s), self._newest_s)
        self._newest_s = float(newest_s[-1]) if newest_s.shape[0] else self._newest_s
        kept = np.asarray(stamp_s >= newest_s - _BACKWARDS_S)
        if kept.all() and not self._broken:
            return kept, set()
        follows = np.concatenate([[self._broken], ~kept])[:-1][kept] if kept.any() else kept[:0]
        if kept.shape[0]:
            self._broken = bool(~kept[-1]) or (self._broken and not kept.any())
        return kept, set(np.flatnonzero(follows).tolist())

    def _count(self, discarded: BoolArray) -> int:
        n = int(np.count_nonzero(discarded))
        self.discarded += n
        return n

    def _restamp(self, s: FloatArray, line: Envelope, broken: set[int]) -> "_Work":
        out = _Work([], set())
        start = 0
        for stop in sorted(broken | self._hole_candidates(s, line.period_s)):
            self._advance(s[start:stop], line, out, at=start)
            lost, first_s = self._missing(s[stop:], line.period_s), float(s[stop])
            if stop == 0 and self._counted is not None:
                lost, self._counted = self._counted, None
            if stop not in broken:
                self._note_hole(first_s, lost)
            if lost or stop in broken:
                out.gaps.add(stop)
                out.lost += lost
                line.restart()
            start = stop
        self._advance(s[start:], line, out, at=start)
        return out

    def _note_hole(self, first_s: float, lost: int) -> None:
        if lost:
            self._bursts.suspect(self._tail_s, first_s, lost=lost)
        else:
            self._bursts.filled(first_s, apart_s=first_s - self._tail_s)

    def _advance(self, s: FloatArray, line: Envelope, out: "_Work", *, at: int) -> None:
        """Push through the line, beginning anew wherever it finds a thin second."""
        out.lost -= self._bursts.acquit(s, period_s=line.period_s)
        while s.shape[0]:
            t_s, missing = line.push(s)
            if t_s.shape[0]:
                out.pieces.append(t_s)
                self._tail_s = float(t_s[-1])
            if missing:
                at += t_s.shape[0]
                out.gaps.add(at)
                out.lost += missing
                line.restart()
            s = s[t_s.shape[0] :]

    def _hole_candidates(self, s: FloatArray, period_s: float) -> set[int]:
        """Samples whose stamp lies far beyond the one before."""
        before = np.concatenate([[self._raw_s], s])[:-1]
        self._raw_s = float(s[-1]) if s.shape[0] else self._raw_s
        hole_s = max(_HOLE_S, _HOLE_PERIODS * period_s)
        return set(np.flatnonzero((s - before > hole_s) & np.isfinite(before)).tolist())

    def _missing(self, s: FloatArray, period_s: float) -> int:
        """How many samples are missing before `s`; 0 if those after the hole make up for it."""
        late_s = s - self._tail_s - period_s * np.arange(1, s.shape[0] + 1)
        least_s = float(late_s.min())
        hole_s = max(_HOLE_S, _HOLE_PERIODS * period_s, self._bursts.patience_s(float(s[0])))
        return max(round(least_s / period_s), 1) if least_s > hole_s else 0

    def _irregular_holes(self, s: FloatArray) -> set[int]:
        before = np.concatenate([[self._raw_s], s])[:-1]
        self._raw_s = float(s[-1]) if s.shape[0] else self._raw_s
        interval_s = (s - before)[np.isfinite(before)]
        first = s.shape[0] - interval_s.shape[0]
        known = np.concatenate([self._intervals_s, interval_s])
        if not known.shape[0]:
            return set()
        self._intervals_s = known[-_INTERVALS_KEPT:]
        limit_s = max(_IRREGULAR_HOLE_S, _IRREGULAR_INTERVALS * float(np.median(known)))
        return set((first + np.flatnonzero(interval_s > limit_s)).tolist())


@dataclass(slots=True)
class _Work:
    """A block under work: instants so far, positions of gaps, samples lost."""

    pieces: list[FloatArray]
    gaps: set[int]
    lost: int = 0
