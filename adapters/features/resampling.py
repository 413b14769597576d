"""Brings a window to another sampling rate, with an anti-alias filter of linear phase.

A sample at time t is the sum of the samples around it, weighted by h(t - t_i), h a sinc under a
Kaiser window. With m the lower one of the two rates, what lies below 0.4 m passes (ripple below
0.01 dB), what lies above 0.6 m does not (60 dB), and so nothing is folded to below 0.4 m. The
filter reaches 9.4 samples of the lower rate to both sides: a window needs so much signal before its
start and after its end, and comes so much later (48 ms at 200 Hz). Nothing in it is shifted in time
by the filter: its first sample lies at one of the stream's own, the others at the new distance.
"""

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

PASSED, STOPPED = 0.4, 0.6
ATTENUATION_DB = 60.0
# Rates in between are taken as the nearest multiple: over a second that is 0.05 ms.
RATE_STEP = 1e-4

# Kaiser's formulas for length and shape of a window (Oppenheim & Schafer, section 7.6); they come
# out a little short of what they promise.
_DESIGNED_DB = ATTENUATION_DB + 2.0
_REACH = (_DESIGNED_DB - 7.95) / (2.0 * 14.36 * (STOPPED - PASSED))
_SHAPE = 0.1102 * (_DESIGNED_DB - 8.7)
# Output samples per product: so few that little of each matrix is zero, so many that calls are few.
_BLOCK = 20
# Plans kept, one for each true rate that was met: 0.3 MB at 1000 Hz.
_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class _Block:
    """Which input samples give which output samples, and how: `y[given] = x[taken] @ weights`."""

    given: slice
    taken: slice
    weights: FloatArray


class WindowResampler:
    """Resamples windows of one length from one nominal rate to another.

    The true rate of a stream may be another than its nominal one; so every window says when its
    samples were taken, and is resampled from the rate that this gives.

    Args:
        rate_hz: Nominal rate of the stream.
        to_rate_hz: Rate of what comes out.
        window_s: Length of the window.
    """

    def __init__(self, rate_hz: float, to_rate_hz: float, *, window_s: float) -> None:
        self._rate_hz, self._to_rate_hz = rate_hz, to_rate_hz
        self.reach_s = ceil(reach_s(rate_hz, to_rate_hz) * rate_hz) / rate_hz  # in whole samples
        self.n_in = round((window_s + 2.0 * self.reach_s) * rate_hz)
        self.n_out = round(window_s * to_rate_hz)
        if self.n_in < 2 or self.n_out < 1:
            raise InvalidInputError(
                "resampling of windows",
                got=f"{window_s} s at {rate_hz:g} Hz to {to_rate_hz:g} Hz",
                expected="a sample in each window",
            )
        self._plans: dict[int, list[_Block]] = {}

    def __call__(self, t_s: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Resample one window.

        Args:
            t_s: `(n_in,)` seconds, from `reach_s` before the window's start on.
            x: `(n_in, n_channels)`; fastest where each channel is contiguous in memory.

        Returns:
            `(n_out,)` seconds and `(n_out, n_channels)`, each channel contiguous.
        """
        y = np.empty((x.shape[1], self.n_out))
        for block in self._plan(t_s):
            y[:, block.given] = x.T[:, block.taken] @ block.weights
        first_s = t_s[0] + self.reach_s
        return first_s + np.arange(self.n_out) / self._to_rate_hz, y.T

    def _plan(self, t_s: FloatArray) -> list[_Block]:
        """The products for the rate at which these samples were taken."""
        true_hz = float((len(t_s) - 1) / (t_s[-1] - t_s[0]))
        step = round((true_hz / self._rate_hz - 1.0) / RATE_STEP)
        if step not in self._plans:
            if len(self._plans) == _REMEMBERED:
                del self._plans[next(iter(self._plans))]
            rate_hz = self._rate_hz * (1.0 + step * RATE_STEP)
            starts = range(0, self.n_out, _BLOCK)
            self._plans[step] = [
                self._block(s, min(s + _BLOCK, self.n_out), rate_hz) for s in starts
            ]
        return self._plans[step]

    def _block(self, start: int, stop: int, rate_hz: float) -> _Block:
        """Weights of samples `start` to `stop` of the output.

        Where the stream is faster than it says, the last samples that a filter reaches for may lie
        beyond the window: the weights of the others then are scaled up to the same sum.
        """
        at_s = self.reach_s + np.arange(start, stop) / self._to_rate_hz
        first = max(0, floor((at_s[0] - self.reach_s) * rate_hz))
        last = min(self.n_in - 1, ceil((at_s[-1] + self.reach_s) * rate_hz))
        apart_s = at_s[None, :] - np.arange(first, last + 1)[:, None] / rate_hz
        weights = impulse_response(apart_s, rate_hz=self._rate_hz, to_rate_hz=self._to_rate_hz)
        weights /= weights.sum(axis=0)
        return _Block(slice(start, stop), slice(first, last + 1), weights)


def reach_s(rate_hz: float, to_rate_hz: float) -> float:
    """How far the filter reaches to either side."""
    return _REACH / min(rate_hz, to_rate_hz)


def impulse_response(apart_s: FloatArray, *, rate_hz: float, to_rate_hz: float) -> FloatArray:
    """The filter at distances from its middle, 1 there; any shape."""
    lower_hz = min(rate_hz, to_rate_hz)
    inside = 1.0 - (apart_s / reach_s(rate_hz, to_rate_hz)) ** 2
    window = np.where(inside > 0.0, np.i0(_SHAPE * np.sqrt(np.maximum(inside, 0.0))), 0.0)
    return np.asarray(np.sinc(lower_hz * apart_s) * window / np.i0(_SHAPE))
