"""Causal smoothing of features over consecutive windows."""

from typing import ClassVar

import numpy as np

from hadua.adapters.state import Fields
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray, Smoothing


class CausalKalman:
    """A local-level Kalman filter for each of n features, all at once.

    Level: l_t = l_(t-1) + N(0, q); measurement: z_t = l_t + N(0, r). The first measurement of a
    feature sets its level, with variance p0; each later window predicts (P = P + q) and, where the
    feature was measured, corrects (K = P / (P + r); l = l + K (z - l); P = (1 - K) P). A window
    without the feature predicts only: its level stays, its variance grows, and so the next
    measurement counts for more. This is what a short gap does; after a long one, call `reset`.

    The smoother of the SEED data sets runs backwards too; live there is only this filter, so models
    are trained with it.

    Args:
        smoothing: q, r and p0.
        n: Number of features.
    """

    STATE: ClassVar[Fields] = {
        "_level": FloatArray,
        "_variance": FloatArray,
        "_seen": BoolArray,
        "_all_seen": bool,
    }

    __slots__ = ("_all_seen", "_level", "_p0", "_q", "_r", "_seen", "_variance")

    def __init__(self, smoothing: Smoothing, n: int) -> None:
        if not (smoothing.q >= 0.0 and smoothing.r > 0.0 and smoothing.p0 >= 0.0):
            raise InvalidInputError(
                "causal smoothing", got=f"{smoothing}", expected="q >= 0, r > 0 and p0 >= 0"
            )
        self._q, self._r, self._p0 = smoothing.q, smoothing.r, smoothing.p0
        self._level = np.full(n, np.nan)
        self._variance = np.full(n, smoothing.p0)
        self._seen = np.zeros(n, np.bool_)
        self._all_seen = False

    @property
    def seen(self) -> BoolArray:
        """`(n,)`, which features have been measured since the start or the last `reset`."""
        return self._seen.copy()

    def reset(self) -> None:
        """Forget every level."""
        self._level.fill(np.nan)
        self._variance.fill(self._p0)
        self._seen.fill(False)
        self._all_seen = False

    def skip(self, windows: int) -> None:
        """Go so many windows on in which nothing was measured."""
        self._variance[self._seen] += windows * self._q

    def update(self, values: FloatArray, present: BoolArray) -> FloatArray:
        """Go one window on and return the levels.

        Args:
            values: `(n,)`, read only where `present`.
            present: `(n,)`, True where the feature was measured; what is not finite is not.

        Returns:
            `(n,)` levels, NaN where the feature has never been measured.
        """
        measured = present & np.isfinite(values)
        if self._all_seen and measured.all():
            self._variance += self._q
            gain = self._variance / (self._variance + self._r)
            self._level += gain * (values - self._level)
            self._variance *= 1.0 - gain
        else:
            self._update_some(values, measured)
        return self._level.copy()

    def with_stand_ins(
        self, levels: FloatArray, values: FloatArray, stands_in: BoolArray
    ) -> FloatArray:
        """Levels as they would be had `values` been measured where they stand in for a measurement.

        To be asked right after the `update` of their window; nothing of it is kept.

        Args:
            levels: `(n,)`, as `update` gave them.
            values: `(n,)`, read only where `stands_in`.
            stands_in: `(n,)`.
        """
        gain = self._variance / (self._variance + self._r)
        level = np.where(self._seen, self._level + gain * (values - self._level), values)
        return np.where(stands_in, level, levels)

    def _update_some(self, values: FloatArray, measured: BoolArray) -> None:
        first, again = measured & ~self._seen, measured & self._seen
        self._variance[self._seen] += self._q
        gain = self._variance[again] / (self._variance[again] + self._r)
        self._level[again] += gain * (values[again] - self._level[again])
        self._variance[again] *= 1.0 - gain
        self._level[first] = values[first]
        self._seen |= first
        self._all_seen = bool(self._seen.all())
