"""One clock, and time stamps that can be trusted although the device's own jitter.

All times in this program are LSL seconds: those of `lsl_now_s`.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np

from hadua.adapters.sources.irregular import IrregularStretches
from hadua.adapters.sources.stretches import Decided, Stretches
from hadua.models.errors import StreamInvalidError
from hadua.models.features import BoolArray, FloatArray

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
    """What has been decided about the oldest samples pushed so far.

    Args:
        t_s: `(m,)` instants of the samples kept, never decreasing.
        kept: `(n,)`, n at least m, False where a sample is left out, because its stamp lay far
            before one already delivered.
        gaps: Positions in `t_s` before which samples are missing.
        lost: How many samples are missing, estimated.
    """

    t_s: FloatArray
    kept: BoolArray
    gaps: tuple[int, ...]
    lost: int


class SegmentClock:
    """Turn the stamps of a stream into instants, causally, beginning anew after every gap.

    A regular stream goes through `Stretches`, which keeps some samples waiting where a stretch
    begins; an irregular one (rate 0) keeps its stamps.

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
        self._stretches = Stretches(rate_hz) if rate_hz > 0.0 else IrregularStretches()
        self._last_s = -np.inf
        self.clamped = 0
        self.discarded = 0

    @property
    def rate_hz(self) -> float:
        """The rate it believes in by now; 0 for irregular."""
        return self._stretches.rate_hz

    @property
    def bursts_apart_s(self) -> float:
        """How far apart its bursts lie; 0 for a stream that does not send in long bursts."""
        return self._stretches.bursts_apart_s

    def push(self, stamp_s: FloatArray) -> Restamped:
        """Take the next `(n,)` stamps; give what is decided by now, of these or of earlier ones.

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
        return self._restamped(self._stretches.push(stamp_s))

    def flush(self) -> Restamped:
        """Decide on all that wait: no more are to be expected soon."""
        return self._restamped(self._stretches.push(np.empty(0), final=True))

    def lose(self, n: int | None = None) -> Restamped:
        """Note a gap before the next sample, of `n` samples where the sender counts them.

        Returns:
            What had been waiting before the gap.
        """
        flushed = self.flush()
        self._stretches.lose(n)
        return flushed

    def _restamped(self, decided: Decided) -> Restamped:
        raw_s = np.concatenate([np.empty(0), *decided.pieces])
        t_s = np.maximum(np.maximum.accumulate(raw_s), self._last_s)
        self.clamped += int(np.count_nonzero(t_s > raw_s))
        self._last_s = float(t_s[-1]) if t_s.shape[0] else self._last_s
        kept = np.concatenate([np.empty(0, np.bool_), *decided.kept])
        discarded = int(np.count_nonzero(~kept))
        self.discarded += discarded
        return Restamped(t_s, kept, tuple(decided.gaps), decided.lost + discarded)
