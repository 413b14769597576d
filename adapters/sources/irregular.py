"""Where samples are missing in a stream that declares no rate."""

import numpy as np

from hadua.adapters.sources.stretches import BACKWARDS_S, Decided
from hadua.models.features import FloatArray

_HOLE_S, _HOLE_INTERVALS = 0.25, 5.0
_INTERVALS_KEPT = 64
_WITNESSES = 2


class IrregularStretches:
    """Cut an irregular stream where samples are missing; their stamps stay as they are.

    A gap is an interval above 250 ms and above five times the median. The sample behind it waits
    for two more: if those are back, its stamp was wrong, and it is discarded. So are samples
    stamped 250 ms or more before an earlier one. A sample behind discarded ones follows a gap.
    """

    def __init__(self) -> None:
        self._intervals_s = np.empty(0)
        self._held = np.empty(0)
        self._newest_s = -np.inf
        self._broken = False

    @property
    def rate_hz(self) -> float:
        """None is known."""
        return 0.0

    @property
    def bursts_apart_s(self) -> float:
        """Nothing tells a burst from a change of rate."""
        return 0.0

    def lose(self, n: int | None) -> None:
        """Note a gap before the next sample; their number says nothing about time here."""
        self._broken = np.isfinite(self._newest_s)

    def push(self, s: FloatArray, *, final: bool = False) -> Decided:
        """Take the next `(n,)` stamps; give what is decided now: all, if this is `final`."""
        out = Decided()
        s = np.concatenate([self._held, s]) if self._held.shape[0] else s
        while s.shape[0] and (n := self._next(s, out, final=final)):
            s = s[n:]
        self._held = s.copy()
        return out

    def _next(self, s: FloatArray, out: Decided, *, final: bool) -> int:
        """Decide on the first few; how many, 0 if they have to wait."""
        before_s = np.maximum.accumulate(np.concatenate([[self._newest_s], s]))[:-1]
        first = not np.isfinite(self._newest_s)
        ahead = (s - before_s > self._hole_s(s)) & np.isfinite(before_s)
        odd = ahead | (s < before_s - BACKWARDS_S)
        odd[0] |= first
        n = int(np.argmax(odd)) if odd.any() else s.shape[0]
        if n:
            return self._keep(s[:n], out)
        if s[0] < self._newest_s - BACKWARDS_S:
            return self._discard(out)
        witnesses = s[1 : 1 + _WITNESSES]
        if witnesses.shape[0] < _WITNESSES and not final:
            return 0
        if witnesses.shape[0] and (witnesses < s[0] - BACKWARDS_S).all():
            back_to_before = witnesses[0] >= self._newest_s - BACKWARDS_S
            if back_to_before:
                return self._discard(out)
        self._broken |= not first
        return self._keep(s[:1], out)

    def _keep(self, s: FloatArray, out: Decided) -> int:
        if self._broken:
            out.gaps.append(out.n_kept)
            self._broken = False
        if np.isfinite(self._newest_s):
            interval_s = np.diff(s, prepend=self._newest_s)
            self._intervals_s = np.concatenate([self._intervals_s, interval_s])[-_INTERVALS_KEPT:]
        out.keep(s)
        self._newest_s = max(self._newest_s, float(s.max()))
        return int(s.shape[0])

    def _discard(self, out: Decided) -> int:
        out.discard(1)
        self._broken = np.isfinite(self._newest_s)
        return 1

    def _hole_s(self, s: FloatArray) -> float:
        before_s = self._newest_s if np.isfinite(self._newest_s) else s[0]
        known_s = np.concatenate([self._intervals_s, np.diff(s, prepend=before_s)])
        return max(_HOLE_S, _HOLE_INTERVALS * float(np.median(known_s)))
