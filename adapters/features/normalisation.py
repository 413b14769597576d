"""Features in units of the source population's spread, centred on a participant's rest.

Only a declared resting baseline shifts the statistics, and only once it is complete: a running z
score that follows the stream removes the very states that are to be recognised. What the baseline
may shift is shrunk toward the source with pseudo-counts, n baseline windows against k:

    mean = (k m_source + n m_rest) / (k + n)
    variance = (5 k v_source + n v_rest) / (5 k + n), the sd kept within a factor 2 of the source's

A minute of rest places a person's mean well. It says little about the spread that emotion will
cause, and overlapping, smoothed windows carry far fewer independent samples than their number:
hence the fivefold prior on the variance, and its bounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FeatureWindow, FloatArray

CLIP_SD = 8.0
"""Normalised values are clipped to this many standard deviations either side."""

_VARIANCE_PRIOR = 5.0
_MAX_SD_RATIO = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What has been seen of a participant's rest (Welford's running moments, per feature).

    Args:
        target: Usable windows that make it complete.
        seen: Usable windows so far.
        count: `(n,)` how often each feature was measured.
        mean: `(n,)` its mean, 0 where the count is.
        m2: `(n,)` its sum of squared deviations from that mean.
    """

    target: int
    seen: int
    count: FloatArray
    mean: FloatArray
    m2: FloatArray

    @classmethod
    def empty(cls, target: int, n: int) -> "Baseline":
        """A baseline of n features, not one window of which has been seen."""
        return cls(target, 0, np.zeros(n), np.zeros(n), np.zeros(n))

    def observe(self, values: FloatArray, present: BoolArray) -> "Baseline":
        """The baseline with one window more, unless nothing of that window is present."""
        measured = present & np.isfinite(values)
        if not measured.any():
            return self
        count = self.count + measured
        delta = np.where(measured, values - self.mean, 0.0)
        mean = self.mean + delta / np.maximum(count, 1.0)
        m2 = self.m2 + delta * np.where(measured, values - mean, 0.0)
        return Baseline(self.target, self.seen + 1, count, mean, m2)


class Normaliser:
    """Source statistics and a participant's resting baseline; a value that never changes.

    Args:
        mean: `(n,)` means of the source.
        std: `(n,)` its standard deviations, positive.
        prior_windows: k above: how many baseline windows weigh as much as the source.
        baseline: The participant's rest; until it is complete it has no effect.
    """

    __slots__ = ("_baseline", "_mean", "_prior", "_scale", "_shift", "_std")

    def __init__(
        self,
        mean: npt.ArrayLike,
        std: npt.ArrayLike,
        *,
        prior_windows: float = 60.0,
        baseline: Baseline | None = None,
    ) -> None:
        self._mean = np.array(mean, np.float64)
        self._std = np.array(std, np.float64)
        self._prior = float(prior_windows)
        self._baseline = baseline
        _require_statistics(self._mean, self._std, self._prior)
        shift, std_in_force = self._mean, self._std
        if baseline is not None and not self.observing:
            shift, std_in_force = self._shrunk(baseline)
        self._shift, self._scale = shift, 1.0 / std_in_force

    @property
    def state(self) -> str:
        """`source`, `baseline 17/120` while one is observed, or `baseline`."""
        if self._baseline is None:
            return "source"
        seen, target = self._baseline.seen, self._baseline.target
        return f"baseline {seen}/{target}" if self.observing else "baseline"

    @property
    def observing(self) -> bool:
        """Whether a baseline is declared and not yet complete."""
        return self._baseline is not None and self._baseline.seen < self._baseline.target

    @property
    def baseline(self) -> Baseline | None:
        """What has been seen of the participant's rest, if one was declared."""
        return self._baseline

    @property
    def mean(self) -> FloatArray:
        """`(n,)` means in force."""
        return self._shift.copy()

    @property
    def std(self) -> FloatArray:
        """`(n,)` standard deviations in force."""
        return 1.0 / self._scale

    def apply(self, values: FloatArray, present: BoolArray) -> FloatArray:
        """Normalise `(n,)` values; 0, which is the mean, where `present` is False.

        The caller keeps `present`: a 0 alone does not tell an average from an absent value.
        """
        z = (values - self._shift) * self._scale
        np.minimum(np.maximum(z, -CLIP_SD, out=z), CLIP_SD, out=z)
        return np.where(present, z, 0.0)

    def begin_baseline(self, windows: int) -> "Normaliser":
        """Declare a baseline of so many usable windows, in place of any earlier one."""
        if windows < 1:
            raise InvalidInputError(
                "resting baseline", got=f"{windows} windows", expected="at least one window"
            )
        return self._with(Baseline.empty(windows, self._mean.shape[0]))

    def observe(self, values: FloatArray, present: BoolArray) -> "Normaliser":
        """Take one window of rest; the statistics in force change with the last one, at once.

        Raises:
            InvalidInputError: no baseline is declared, or it is complete.
        """
        if self._baseline is None or not self.observing:
            raise InvalidInputError(
                "resting baseline is not being observed",
                got=f"state {self.state!r}",
                expected="a declared and incomplete baseline",
                hint="Call begin_baseline first: nothing outside a baseline shifts statistics.",
            )
        return self._with(self._baseline.observe(values, present))

    def end_baseline(self) -> "Normaliser":
        """Close a baseline with what it has; without a single window that is the source again."""
        if self._baseline is None or not self.observing:
            return self
        seen = self._baseline.seen
        return self._with(replace(self._baseline, target=seen) if seen else None)

    def with_baseline(self, windows: Iterable[FeatureWindow]) -> "Normaliser":
        """Observe a whole resting baseline, of which only usable windows count."""
        usable = [w for w in windows if w.usable]
        after = self.begin_baseline(max(len(usable), 1))
        for window in usable:
            after = after.observe(window.values, window.present)
        return after.end_baseline()

    def _with(self, baseline: Baseline | None) -> "Normaliser":
        return Normaliser(self._mean, self._std, prior_windows=self._prior, baseline=baseline)

    def _shrunk(self, rest: Baseline) -> tuple[FloatArray, FloatArray]:
        k, n, some = self._prior, rest.count, rest.count > 0.0
        mean = (k * self._mean + n * rest.mean) / np.where(some, k + n, 1.0)
        k *= _VARIANCE_PRIOR
        variance = (k * self._std**2 + rest.m2) / np.where(some, k + n, 1.0)
        std = np.clip(np.sqrt(variance), self._std / _MAX_SD_RATIO, self._std * _MAX_SD_RATIO)
        return np.where(some, mean, self._mean), np.where(some, std, self._std)


def _require_statistics(mean: FloatArray, std: FloatArray, prior: float) -> None:
    if mean.ndim != 1 or std.shape != mean.shape:
        raise InvalidInputError(
            "source statistics", got=f"mean {mean.shape}, std {std.shape}", expected="(n,) each"
        )
    bad = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(std) & (std > 0.0)))
    if len(bad):
        i = int(bad[0])
        raise InvalidInputError(
            f"source statistics of feature {i}",
            got=f"mean {mean[i]}, std {std[i]}",
            expected="a finite mean and a positive standard deviation",
            hint="A feature that never varies in the source cannot be normalised: leave it out.",
        )
    if not (np.isfinite(prior) and prior >= 0.0):
        raise InvalidInputError(
            "source statistics", got=f"prior_windows={prior}", expected="0 or more"
        )
