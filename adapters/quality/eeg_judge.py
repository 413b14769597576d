"""Judges the EEG channels of one window, by that window alone.

Everything is measured of the signal as the device sent it, before any cleaning. Nothing is
remembered from one window to the next, so a fault cannot be held against a later one. Most of it is
told by the window's head, which is there before its end; channels are compared with each other
there alone.
"""

from dataclasses import dataclass
from math import lcm

import numpy as np

from hadua.adapters.quality.neighbours import BLOCK_S, IntArray, Neighbours, block_means
from hadua.adapters.quality.spectral import MAINS_HZ, Powers, Spectral
from hadua.adapters.quality.thresholds import EEG, EegThresholds
from hadua.adapters.windows.hann import ComplexArray
from hadua.adapters.windows.split_spectrum import head_length
from hadua.models.features import BoolArray, FloatArray
from hadua.models.quality import EEG_FLAGS, Flag

# A Hann window puts this share of a tone's power on the bin beside it.
_LEAK_SHARE = 1.0 / 6.0
_STEP_S = 0.004
_NOT_FINITE, _FLAT, _RAILED, _LINE, _NOISE, _JUMP, _NEIGHBOURS = (
    EEG_FLAGS.index(flag)
    for flag in (
        *(Flag.NOT_FINITE, Flag.FLAT, Flag.RAILED, Flag.LINE),
        *(Flag.NOISE, Flag.JUMP, Flag.NEIGHBOURS),
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What is to be said of the channels of a window.

    Args:
        flags: `(n_channels, n_flags)`, columns as `EEG_FLAGS`.
        bad: `(n_channels,)` not to be used.
        noisy: `(n_channels,)` more hum than EEG, though it may be used.
        numbers: `(n_channels,)` each, by name; NaN where not measured.
    """

    flags: BoolArray
    bad: BoolArray
    noisy: BoolArray
    numbers: dict[str, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedHead:
    """What is known of channels before the last samples of a window are there.

    Args:
        steepest: `(n_channels,)` greatest step between two of a few samples, up or down.
        again: `(n_channels,)` how often one is the same as that before it.
        slow: `(n_channels,)` where there may be a stretch without movement.
        means: `(n_channels, n_blocks)` means over short blocks.
        good: `(n_channels,)` which channels were taken to be good, to compare them.
        correlation: `(n_channels,)` of each with what the others tell, if these are the good ones.
        against: `(n_channels,)` which of them disagree then.
    """

    steepest: FloatArray
    again: IntArray
    slow: BoolArray
    means: FloatArray
    good: BoolArray
    correlation: FloatArray
    against: BoolArray


class EegJudge:
    """Judges windows of one rate and length.

    A window is judged in two parts, its head before its last samples are there.

    Args:
        names: Channels of the stream, by the model's names.
        rate_hz: Its sampling rate.
        n_samples: Samples in a window.
        leaking_hz: Frequency of mains hum that would leak into the features, or None.
        thresholds: Where good ends.

    Attributes:
        n_bins: So many bins of a window's spectrum are looked at.
        squares: Of a spectrum, what is looked at: squares of bins from 1 on.
        n_head: Samples in the head of a window.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        rate_hz: float,
        n_samples: int,
        leaking_hz: float | None,
        thresholds: EegThresholds = EEG,
    ) -> None:
        self._limits = thresholds
        self._leaking = None if leaking_hz is None else MAINS_HZ.index(leaking_hz)
        self._spectral = Spectral(rate_hz, n_samples)
        self._neighbours = Neighbours(names, threshold=thresholds.correlation)
        self._step = max(1, round(_STEP_S * rate_hz))
        self._step_ms = 1e3 * self._step / rate_hz
        self._still = max(2, min(n_samples, round(thresholds.flat_s * rate_hz)))
        self._block = max(1, round(BLOCK_S * rate_hz))
        grain = lcm(self._step, self._block)
        self.n_bins, self.squares = self._spectral.n_bins, self._spectral.squares
        self.n_head = head_length(n_samples, rate_hz=rate_hz, multiple_of=grain)
        looks = _looks(n_samples, step=self._step, still=self._still)
        in_head = looks[-1] < self.n_head
        self._looks_in_head, self._other_looks = looks[:, in_head], looks[:, ~in_head]
        # Of the window before: a guess that saves time where it is right, and changes no result.
        self._good = np.ones(len(names), np.bool_)

    def begin(self, head_uv: FloatArray) -> JudgedHead:
        """What can be told of a window by its first `n_head` samples, `(n_head, n_channels)`."""
        x, good = head_uv.T, self._good
        with np.errstate(all="ignore"):  # what is not finite is found in the end
            steepest, again = _steps(x[:, :: self._step])
            slow = self._slow(head_uv, self._looks_in_head)
            means = block_means(x, self._block)
            r, against = self._neighbours(means, good)
            return JudgedHead(steepest, again, slow, means, good, r, against)

    def __call__(
        self,
        x_uv: FloatArray,
        spectrum: ComplexArray,
        head: JudgedHead | None = None,
        *,
        squares: FloatArray | None = None,
    ) -> Verdict:
        """Judge one window.

        Args:
            x_uv: `(n_samples, n_channels)` microvolts, each channel contiguous in memory.
            spectrum: `(n_channels, >= n_bins)`, its real FFT.
            head: What `begin` told of the window, if it was asked. It serves for no other window.
            squares: What `squares` gives of the spectrum, if it was asked.
        """
        if head is None:
            head = self.begin(x_uv[: self.n_head])
        limits, n_channels = self._limits, x_uv.shape[1]
        flags = np.zeros((len(EEG_FLAGS), n_channels), np.bool_)
        with np.errstate(all="ignore"):  # what is not finite is found in the result
            finite = np.isfinite(spectrum[:, 0].real)  # the sum: not finite if any sample is
            steepest, again = _steps(x_uv.T[:, max(self.n_head - self._step, 0) :: self._step])
            slow = head.slow | (head.again + again > 3) | self._slow(x_uv, self._other_looks)
            clipped, still, at_rail = self._stuck(x_uv, slow)
            jump = np.maximum(head.steepest, steepest) / self._step_ms
            powers = self._spectral(self.squares(spectrum) if squares is None else squares)
            hum = powers.line.max(axis=1)
            ratio, noise = np.sqrt(hum / powers.eeg), np.sqrt(powers.noise)
            flags[_NOT_FINITE] = ~finite
            flags[_RAILED] = (clipped >= limits.railed_share) | at_rail
            flags[_FLAT] = still & ~flags[_RAILED]
            flags[_JUMP] = jump > limits.jump_uv_per_ms
            flags[_LINE] = (ratio > limits.line_bad) | self._leaks(powers)
            flags[_NOISE] = noise > limits.noise_uv
            flags[1:] &= finite
            bad = np.asarray(flags.any(axis=0))
            self._good = good = ~bad
            r, against = head.correlation, head.against
            if not np.array_equal(good, head.good):
                r, against = self._neighbours(head.means, good)
            flags[_NEIGHBOURS] = against
        noisy = finite & (ratio > limits.line_noisy)
        bad |= flags[_NEIGHBOURS]
        flags[_LINE] |= noisy
        numbers = {
            "eeg_uv": np.sqrt(powers.eeg),
            "line_uv": np.sqrt(2.0 * hum),
            "noise_uv": noise,
            "jump_uv_per_ms": jump,
            "clipped_share": clipped,
            "correlation": r,
        }
        return Verdict(flags.T, bad, noisy, numbers)

    def _slow(self, x_uv: FloatArray, looks: IntArray) -> BoolArray:
        """`(n_channels,)` where one of the stretches that are looked at may be flat."""
        seen = x_uv[looks]
        ranges = seen.max(axis=0) - seen.min(axis=0)
        return np.asarray((ranges < self._limits.flat_uv).any(axis=0))

    def _stuck(self, x_uv: FloatArray, slow: BoolArray) -> tuple[FloatArray, BoolArray, BoolArray]:
        """Share at the extremes; where it stands still; where that is at the end of the range.

        Only of channels that are `slow`: what is stuck is so in a few samples too, and hardly any
        EEG is.
        """
        clipped, still, at_rail = np.zeros(len(slow)), np.zeros_like(slow), np.zeros_like(slow)
        for i in np.flatnonzero(slow).tolist():
            level = self._level(x_uv[:, i])
            still[i], at_rail[i] = level is not None, abs(level or 0.0) >= self._limits.rail_uv
            clipped[i] = self._clipped(x_uv[:, i])
        return clipped, still, at_rail

    def _clipped(self, x: FloatArray) -> float:
        """Share of the samples `(n,)` at the highest or lowest value, if it moves at all."""
        top, bottom = x.max(), x.min()
        if top - bottom < self._limits.flat_uv:
            return 0.0
        return max(np.count_nonzero(x == top), np.count_nonzero(x == bottom)) / len(x)

    def _level(self, x: FloatArray) -> float | None:
        """Where a channel `(n,)` stands still for `flat_s`, or None."""
        blocks = x[: len(x) - len(x) % self._still].reshape(-1, self._still)
        low = blocks.min(axis=1)
        still = blocks.max(axis=1) - low < self._limits.flat_uv
        return float(low[still.argmax()]) if still.any() else None

    def _leaks(self, powers: Powers) -> BoolArray:
        """Where hum adds too much to the highest band."""
        if self._leaking is None:
            return np.zeros(len(powers.eeg), np.bool_)
        leak = _LEAK_SHARE * powers.line[:, self._leaking] / powers.gamma
        return np.asarray(leak > self._limits.leak_bad)


def _looks(n_samples: int, *, step: int, still: int) -> IntArray:
    """Which samples are looked at in stretches of `still`, `(looks, stretches)`.

    Of every stretch each `step`-th sample, or as many of these as make about four looks.
    """
    apart = max(1, still // step)
    looks = np.arange(0, apart, max(1, apart // 4))
    n_stretches = len(range(0, n_samples, step)) // apart
    return np.asarray((looks[:, None] + apart * np.arange(n_stretches)) * step, np.intp)


def _steps(few: FloatArray) -> tuple[FloatArray, IntArray]:
    """Greatest step between two samples of `(n_channels, n)`, and how often there was none."""
    steps = few[:, 1:] - few[:, :-1]
    none = steps == 0.0
    again = none.sum(axis=1) if none.any() else np.zeros(len(few), np.intp)
    return np.abs(steps, out=steps).max(axis=1, initial=0.0), again
