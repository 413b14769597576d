"""The line through a jittery stream: the latest instants that every stamp still allows."""

import numpy as np

from hadua.models.features import FloatArray

_BLOCK_S = 1.0
_TOLERANCE = 5e-4
"""How far the real period may lie from the believed one before the belief is changed (500 ppm)."""
_UNSETTLED_TOLERANCE = 0.15
"""The same while the declared rate has been found wrong and the real one is not yet known."""
_GROSSLY_WRONG = 1.33
_FIRST_LOOK_S = 0.25
_FIRST_LOOK_SAMPLES = 8
_SLOPES = 15
_SLOPES_NEEDED = 3
_THIN, _THIN_S = 1.08, 0.08


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
        self.restart()

    def restart(self) -> None:
        """Forget the line, because samples were lost; keep the period."""
        self._n = 0
        self._last_s = np.nan
        self._slopes: list[float] = []
        self._earliest: tuple[int, float] | None = None
        self._earliest_before: tuple[int, float] | None = None
        self._first_s = self._block_start_s = np.nan
        self._raw_s, self._longest_s, self._mark = np.nan, 0.0, (0, np.nan)
        self._draw_from(0, np.nan)

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
            self._look_at_rate(s[start:stop])
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
            self._first_s = self._block_start_s = s
        if s < self._block_start_s + self._block_s:
            return 0
        self._block_start_s = s
        self._older_min, self._min = self._min, np.inf
        missing = self._note_slope()
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
        self._min = min(self._min, float((since - slow).min()))
        self._n += s.shape[0]
        self._last_s = self._base_s + float(bound[-1])
        return np.asarray(np.where(bound >= since - 1e-12, s, self._base_s + bound))

    def _note_earliest(self, i: int, s: FloatArray, *, lowest: float) -> None:
        """Remember the sample of this block with the least delay."""
        if self._earliest is None or lowest < self._min:
            self._earliest = (self._n + i, float(s[i]))

    def _look_at_rate(self, s: FloatArray) -> None:
        """Once, early: is the declared rate plainly wrong (a tracker that says 600, sends 120)?

        Counts up to the last sample behind a long interval: counting to the end of a burst would
        take in samples whose time is still to come.
        """
        if self._rate_seen:
            return
        interval_s = np.diff(s, prepend=self._raw_s)
        self._raw_s = float(s[-1])
        self._longest_s = float(np.fmax(np.fmax.reduce(interval_s), self._longest_s))
        long = np.flatnonzero(interval_s >= 0.5 * self._longest_s)
        if long.shape[0]:
            self._mark = (self._n - s.shape[0] + int(long[-1]), float(s[long[-1]]))
        k, mark_s = self._mark
        if not (k + 1 >= _FIRST_LOOK_SAMPLES and mark_s - self._first_s >= _FIRST_LOOK_S):
            return
        self._rate_seen = True
        period_s = (mark_s - self._first_s) / k
        if not 1.0 / _GROSSLY_WRONG < period_s / self.period_s < _GROSSLY_WRONG:
            self.period_s, self._tolerance = period_s, _UNSETTLED_TOLERANCE
            self._draw_from(self._n, np.nan)

    def _note_slope(self) -> int:
        """Note the block's slope; or, if it is far too steep, say how many samples it lacks."""
        before, now = self._earliest_before, self._earliest
        self._earliest_before, self._earliest = now, None
        if before is None or now is None or now[0] <= before[0]:
            return 0
        n = now[0] - before[0]
        slope = (now[1] - before[1]) / n
        lacking_s = (slope - self.period_s) * n
        known = len(self._slopes) >= _SLOPES_NEEDED
        if known and slope > _THIN * self.period_s and lacking_s > _THIN_S:
            return round(lacking_s / self.period_s)
        self._slopes = [*self._slopes, slope][-_SLOPES:]
        return 0

    def _learn(self) -> None:
        if len(self._slopes) < _SLOPES_NEEDED:
            return
        period_s = float(np.median(self._slopes))
        settled = self._tolerance == _TOLERANCE
        if period_s <= 0.0 or (settled and abs(period_s / self.period_s - 1.0) < _TOLERANCE / 2):
            return
        self.period_s, self._tolerance = period_s, _TOLERANCE
        self._draw_from(self._n - 1, self._last_s)
