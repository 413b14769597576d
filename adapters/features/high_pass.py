"""Takes the slow part out of a stream, causally: what is left of a zero-phase filter when live."""

import math

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray

KEPT_S = 1.0
"""The level is kept through a gap up to this long, and found anew after a longer one."""


class HighPass:
    """A first-order high-pass: each sample less the level, which follows the signal slowly.

    level_i = level_(i-1) + a (x_i - level_(i-1)),  a = 1 - exp(-2 pi cutoff / rate),
    out_i = x_i - level_i. The first finite sample of a channel is its first level, so that an
    offset of any size leaves no transient. A sample that is not finite comes out as it is and does
    not touch the level. What comes out does not depend, to the bit, on how the stream was chunked.

    Args:
        rate_hz: Sampling rate.
        n_channels: Columns.
        cutoff_hz: Where half of the power is left.
    """

    __slots__ = ("_gain", "_level", "_newest_s", "_seen", "_settled")

    def __init__(self, rate_hz: float, n_channels: int, *, cutoff_hz: float) -> None:
        if not 0.0 < cutoff_hz < 0.5 * rate_hz:
            raise InvalidInputError(
                "high-pass",
                got=f"a cutoff of {cutoff_hz} Hz at {rate_hz} Hz",
                expected="between 0 and half of the rate",
            )
        self._gain = -math.expm1(-2.0 * math.pi * cutoff_hz / rate_hz)
        self._level = np.zeros(n_channels)
        self._seen: BoolArray = np.zeros(n_channels, np.bool_)
        self._settled = False  # whether every channel has a level
        self._newest_s = -math.inf

    def reset(self) -> None:
        """Forget the levels."""
        self._seen.fill(False)
        self._settled = False
        self._newest_s = -math.inf

    def push(self, t_s: FloatArray, x: FloatArray) -> FloatArray:
        """Filter the next samples.

        Args:
            t_s: `(n,)` seconds.
            x: `(n, n_channels)`.
        """
        out = np.empty_like(x)
        restarts = np.diff(t_s, prepend=self._newest_s) > KEPT_S
        whole: BoolArray = np.asarray(np.isfinite(x).all(axis=1))
        for i in range(len(x)):
            if restarts[i]:
                self._seen.fill(False)
                self._settled = False
            if not (self._settled and whole[i]):
                self._step_some(x[i])
            else:
                self._level += self._gain * (x[i] - self._level)
            np.subtract(x[i], self._level, out=out[i])
        if len(t_s):
            self._newest_s = float(t_s[-1])
        return out

    def _step_some(self, row: FloatArray) -> None:
        """The same step for the channels that are finite, of which some may be new."""
        finite = np.isfinite(row)
        fresh = finite & ~self._seen
        self._level[fresh] = row[fresh]
        self._seen |= fresh
        self._settled = bool(self._seen.all())
        self._level[finite] += self._gain * (row[finite] - self._level[finite])
