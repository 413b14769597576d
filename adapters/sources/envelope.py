"""The line through a jittery stream: the latest instants that every stamp still allows."""

import numpy as np

from hadua.adapters.sources.steady import SteadyLine
from hadua.models.features import FloatArray

_BLOCK_S = 1.0
_TOLERANCE = 5e-4
"""How far the real period may lie from the believed one before the belief is changed (500 ppm)."""
_UNSETTLED_TOLERANCE = 0.15
"""The same while the declared rate has been found wrong and the real one is not yet known."""
_GROSSLY_WRONG = 1.33
_FIRST_LOOK_S = 0.25
_FIRST_LOOK_SAMPLES = 8
_SECONDS_KNOWN = 3
_THIN, _THIN_S = 0.08, 0.08


class Envelope:
    """Re-stamp one uninterrupted stretch of a regular stream, causally.

    The model: sample k was taken at `t[k] = t[k-1] + P`, P within 500 ppm of the believed period,
    and was stamped `s[k] = t[k] + delay[k]` with `delay[k] >= 0`, because operating systems, radio
    links and busy senders make stamps late and never early. Then `t[k]` is at most
    `s[j] + (k - j) * P_max` for every earlier j, and `s[j] - (j - k) * P_min` for every later j
    that has arrived; the least of these bounds over the last one to two seconds is the answer.
    Stamps without jitter meet their own bound and come out as they went in. A least-squares line
    would sit at the mean delay instead (10 ms late for delays of 0 to 20 ms).

    The believed period starts at the declared one, and moves to the median of the slopes between
    the earliest stamps of consecutive seconds when it lies too far from that.

    Args:
        period_s: One over the declared rate.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._tolerance = _TOLERANCE
        self._rate_seen = False
        self._steady = SteadyLine()
        self.restart()

    def restart(self) -> None:
        """Forget the line, because samples were lost; keep the period."""
        self._n = 0
        self._last_s = np.nan
        self._earliest: tuple[int, float] | None = None
        self._earliest_before: tuple[int, float] | None = None
        self._block_start_s = np.nan
        self._lateness_s = 0.0
        self._steady.restart()
        self._draw_from(0, np.nan)

    def look_at_rate(self, s: FloatArray) -> None:
        """Once, at the first stamps `(n,)`: is the declared rate plainly wrong?

        A tracker may declare 600 Hz and send 120. It counts up to the last sample behind a long
        interval: counting to the end of a burst would take in samples whose time is still to come.
        """
        s = no_later_than_the_next(s)
        interval_s = np.diff(s)
        if self._rate_seen or interval_s.shape[0] < _FIRST_LOOK_SAMPLES:
            return
        k = 1 + int(np.flatnonzero(interval_s >= 0.5 * interval_s.max())[-1])
        if k + 1 < _FIRST_LOOK_SAMPLES or s[k] - s[0] < _FIRST_LOOK_S:
            return
        self._rate_seen = True
        period_s = float(s[k] - s[0]) / k
        if not 1.0 / _GROSSLY_WRONG < period_s / self.period_s < _GROSSLY_WRONG:
            self.period_s, self._tolerance = period_s, _UNSETTLED_TOLERANCE

    def push(self, s: FloatArray) -> tuple[FloatArray, int]:
        """Re-stamp `(n,)` stamps, n at least 1, that follow the last ones without a loss.

        Returns:
            The instants of the first m samples, and 0 if m = n. Otherwise sample m begins a new
            stretch, because in the second before it clearly fewer samples came than time passed,
            and the second number says how many are missing.
        """
        done: list[FloatArray] = []
        start, missing = 0, 0
        while start < s.shape[0]:
            missing = self._roll(float(s[start]))
            if missing:
                break
            stop = start + self._length_of_block(s[start:])
            done.append(self._bound(s[start:stop]))
            start = stop
        return np.concatenate([np.empty(0), *done]), missing

    def _draw_from(self, k0: int, base_s: float) -> None:
        """Begin a line at sample `k0` and instant `base_s`; NaN: wherever the next sample is."""
        self._k0, self._base_s = k0, base_s
        self._older_min = np.inf
        self._min = np.inf if np.isnan(base_s) else 0.0

    def _roll(self, s: float) -> int:
        """Close the block if `s` lies beyond it; the number of samples the block lacks."""
        if np.isnan(self._base_s):
            self._k0, self._base_s = self._n, s
        if np.isnan(self._block_start_s):
            self._block_start_s = s
        if s < self._block_start_s + self._block_s:
            return 0
        self._block_start_s = s
        self._older_min, self._min = self._min, np.inf
        missing = self._close_second()
        if not missing:
            self._learn()
        return missing

    @property
    def _block_s(self) -> float:
        return max(_BLOCK_S, 20.0 * self.period_s)

    def _length_of_block(self, s: FloatArray) -> int:
        beyond = s >= self._block_start_s + self._block_s
        first = int(np.argmax(beyond))
        return first if beyond[first] else int(s.shape[0])

    def _bound(self, s: FloatArray) -> FloatArray:
        """The least bound on each sample's instant; see the class."""
        k = np.arange(self._n - self._k0, self._n - self._k0 + s.shape[0], dtype=np.float64)
        since = s - self._base_s
        slow = k * (self.period_s * (1.0 + self._tolerance))
        fast = k * (self.period_s * (1.0 - self._tolerance))
        from_earlier = np.minimum.accumulate(since - slow)
        self._note_earliest(int(np.argmin(since - slow)), s, lowest=float(from_earlier[-1]))
        np.minimum(from_earlier, min(self._min, self._older_min), out=from_earlier)
        from_later = np.minimum.accumulate((since - fast)[::-1])[::-1]
        bound = np.minimum(from_earlier + slow, from_later + fast)
        self._lateness_s = max(self._lateness_s, float((since - bound).max()))
        if (steady := self._steady.bound(k + self._k0, s)) is not None:
            bound = np.minimum(bound, steady - self._base_s)
        self._min = min(self._min, float((since - slow).min()))
        self._n += s.shape[0]
        self._last_s = self._base_s + float(bound[-1])
        return np.asarray(np.where(bound >= since - 1e-12, s, self._base_s + bound))

    def _note_earliest(self, i: int, s: FloatArray, *, lowest: float) -> None:
        """Remember the sample of this block with the least delay."""
        if self._earliest is None or lowest < self._min:
            self._earliest = (self._n + i, float(s[i]))

    def _close_second(self) -> int:
        """Learn from a second that is over; or say how many samples it lacks, if it is thin."""
        before, now = self._earliest_before, self._earliest
        self._earliest_before, self._earliest = now, None
        lateness_s, self._lateness_s = self._lateness_s, 0.0
        if before is None or now is None or now[0] <= before[0]:
            return 0
        n = now[0] - before[0]
        lacking_s = now[1] - before[1] - n * self.period_s
        known = self._steady.n_seconds >= _SECONDS_KNOWN
        if known and lacking_s > max(_THIN * n * self.period_s, _THIN_S):
            return round(lacking_s / self.period_s)
        self._steady.close_second(now, lateness_s=lateness_s)
        return 0

    def _learn(self) -> None:
        """Move the belief where it is plainly wrong: by more than can be doubted."""
        seen = self._steady.seen()
        if seen is None or seen[0] <= 0.0:
            return
        period_s, doubt_s = seen
        settled = self._tolerance == _TOLERANCE
        if settled and abs(period_s - self.period_s) < max(_TOLERANCE / 2 * self.period_s, doubt_s):
            return
        self.period_s, self._tolerance = period_s, _TOLERANCE
        self._draw_from(self._n - 1, self._last_s)


def no_later_than_the_next(s: FloatArray) -> FloatArray:
    """Stamps `(n,)`, each at most what any later one is: nothing was taken after what follows."""
    return np.minimum.accumulate(s[::-1])[::-1]
