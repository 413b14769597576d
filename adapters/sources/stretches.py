"""Where one uninterrupted stretch of a regular stream ends and the next begins."""

from dataclasses import dataclass, field

import numpy as np

from hadua.adapters.sources.bursts import Bursts
from hadua.adapters.sources.envelope import Envelope, no_later_than_the_next
from hadua.models.features import BoolArray, FloatArray

BACKWARDS_S = 0.25
"""A stamp this far before a newer one is no jitter: its time cannot be known."""
_HOLE_S, _HOLE_PERIODS = 0.08, 2.5
_LATER_THAN_EVER = 1.25
_LATENESS_KEPT_S = 15.0
_HOLD_S, _HOLD_SAMPLES, _HOLD_LONGEST_S = 0.25, 25, 0.5
_HOLD_COUNTED_S, _MADE_UP_WITHIN_S = 1.0, 5.0


@dataclass(slots=True)
class Decided:
    """What has become of the oldest samples that were waiting.

    Args:
        pieces: Instants of those kept.
        kept: For each sample, oldest first, whether it is kept.
        gaps: Positions among those kept before which samples are missing.
        lost: How many are missing, estimated.
        n_kept: How many are kept.
    """

    pieces: list[FloatArray] = field(default_factory=list)
    kept: list[BoolArray] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    lost: int = 0
    n_kept: int = 0

    def keep(self, t_s: FloatArray) -> None:
        """Note samples that are kept, and their instants."""
        self.pieces.append(t_s)
        self.kept.append(np.ones(t_s.shape[0], np.bool_))
        self.n_kept += t_s.shape[0]

    def discard(self, n: int) -> None:
        """Note samples that are not."""
        self.kept.append(np.zeros(n, np.bool_))


class Stretches:
    """Cut a regular stream where samples are missing, and draw each stretch's line.

    Samples come in the order in which they were taken (LSL and FieldTrip see to that), so a stamp
    ahead of its line is a late one, however late, if any later sample is back on the line. That is
    why the samples behind a hole have to wait. Once one of them is back, there was no gap. If they
    go on for a quarter of a second (at least 25 samples, or half a second), a new stretch begins
    with them; and so it is with the first samples of all. The wait is also what places a stretch:
    if a sample can be 20 ms late, nothing better is known of the first one, but that each of 25 is
    more than 5 ms late happens once in 1300 times. Windows are longer than that: no prediction has
    to wait.

    A hole is a sample that is later than any has been of late (by a quarter, and 1.5 periods), or
    80 ms, or 2.5 periods. A new stretch also begins behind a second that lacks 8 % of its samples,
    behind samples stamped far before an earlier one, which are discarded, and where `lose` says so.

    Args:
        rate_hz: Nominal rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self._line = Envelope(1.0 / rate_hz)
        self._bursts = Bursts()
        self._held = np.empty(0)
        self._opening = True  # those held begin a new stretch, unless one comes back to the line
        self._sure = True  # none can come back
        self._lacking: int | None = None  # how many samples are missing before, where known
        self._newest_s = self._tail_s = -np.inf
        self._lateness_s = _HOLE_S

    @property
    def rate_hz(self) -> float:
        """The rate it believes in by now."""
        return 1.0 / self._line.period_s

    @property
    def bursts_apart_s(self) -> float:
        """How far apart its bursts lie; 0 for a stream that does not send in long bursts."""
        return self._bursts.apart_s

    def lose(self, n: int | None) -> None:
        """Note a gap before the next sample, of `n` samples where that is known.

        To be called with nothing held: after a `push` that was final.
        """
        if np.isfinite(self._tail_s):
            self._open(lacking=n)

    def push(self, s: FloatArray, *, final: bool = False) -> Decided:
        """Take the next `(n,)` stamps; give what is decided now: all, if this is `final`."""
        out = Decided()
        s = np.concatenate([self._held, s]) if self._held.shape[0] else s
        while s.shape[0]:
            n = self._begin(s, out, final=final) if self._opening else self._go_on(s, out)
            if n is None:
                break
            s = s[n:]
        self._held = s.copy()
        return out

    @property
    def _hole_s(self) -> float:
        period_s = self._line.period_s
        later_than_ever_s = _LATER_THAN_EVER * self._lateness_s + 1.5 * period_s
        return max(min(_HOLE_S, later_than_ever_s), _HOLE_PERIODS * period_s)

    def _open(self, *, lacking: int | None, sure: bool = True) -> None:
        self._opening, self._sure, self._lacking = True, sure, lacking

    def _go_on(self, s: FloatArray, out: Decided) -> int:
        """Take what follows on the line; how many samples that are."""
        before_s = np.maximum.accumulate(np.concatenate([[self._newest_s], s]))[:-1]
        odd = (s - before_s > self._hole_s) | (s < before_s - BACKWARDS_S)
        n = int(np.argmax(odd)) if odd.any() else s.shape[0]
        if n:
            return self._draw(s[:n], out)
        self._open(lacking=None, sure=False)
        return 0

    def _begin(self, s: FloatArray, out: Decided, *, final: bool) -> int | None:
        """Decide on the first of those held; how many that are, or None if they have to wait."""
        back = s < self._newest_s - BACKWARDS_S
        if back[0]:
            n = _first(~back)
            out.discard(n)
            self._open(lacking=None)
            return n
        n, ahead = _first(back), s[~back]
        late_s = ahead - self._tail_s - self._line.period_s * np.arange(1, ahead.shape[0] + 1)
        hole_s = max(_HOLE_S, self._hole_s) if final else self._hole_s
        if not self._sure and (late_s <= hole_s).any():
            self._opening = False
            if (apart_s := float(s[0]) - self._tail_s) > _HOLE_S:
                self._bursts.filled(float(s[0]), apart_s=apart_s)
            last = int(np.flatnonzero(late_s <= hole_s)[-1])
            return self._draw(no_later_than_the_next(ahead[: last + 1])[:n], out)
        return self._anew(ahead, n, out) if final or self._ripe(ahead, late_s) else None

    def _ripe(self, s: FloatArray, late_s: FloatArray) -> bool:
        span_s = float(s[-1] - s.min())
        if span_s >= (_HOLD_S if s.shape[0] >= _HOLD_SAMPLES else _HOLD_LONGEST_S):
            return True
        to_make_up_s = min(float(late_s[0]), _MADE_UP_WITHIN_S) if self._tail_s > -np.inf else 0.0
        counted_s = self._line.period_s * int(s.shape[0])
        return counted_s >= _HOLD_COUNTED_S + max(to_make_up_s, 0.0)

    def _anew(self, s: FloatArray, n: int, out: Decided) -> int:
        """Begin a stretch with the first of `s`, at most `n` of them."""
        back = s < np.maximum.accumulate(s) - BACKWARDS_S
        if 2 * np.count_nonzero(back) > s.shape[0]:  # then it is the others that are ahead
            s = no_later_than_the_next(s)
        else:
            n = min(n, _first(back))
        n = min(n, 1 + _first(np.diff(s) > max(_HOLE_S, self._hole_s)))
        self._line.restart()
        self._line.look_at_rate(s[:n])
        if np.isfinite(self._tail_s):
            out.gaps.append(out.n_kept)
            out.lost += self._missing(s[:n])
        self._opening = False
        return self._draw(s[:n], out)

    def _missing(self, s: FloatArray) -> int:
        """How many samples are missing before `s`."""
        if self._lacking is not None:
            return self._lacking
        period_s = self._line.period_s
        late_s = float((s - self._tail_s - period_s * np.arange(1, s.shape[0] + 1)).min())
        return max(round(late_s / period_s), 0 if self._sure else 1)

    def _draw(self, s: FloatArray, out: Decided) -> int:
        """Put samples on the line, up to where it finds a second to be thin; how many."""
        t_s, lacking = self._line.push(s)
        n = int(t_s.shape[0])
        if n:
            out.keep(t_s)
            self._tail_s = float(t_s[-1])
            self._newest_s = max(self._newest_s, float(s[:n].max()))
            kept = np.exp(-n * self._line.period_s / _LATENESS_KEPT_S)
            self._lateness_s = max(kept * self._lateness_s, float((s[:n] - t_s).max()))
        if lacking:
            self._open(lacking=lacking)
        return n


def _first(true: BoolArray) -> int:
    """Index of the first that is true; their number if none is."""
    return int(np.argmax(true)) if true.any() else true.shape[0]
