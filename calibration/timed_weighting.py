"""Trust in pseudo-labels of a stream: averages over time instead of over batches.

The averages of `PseudoLabelWeighting` (arXiv 2601.21488, equations 8, 12, 16, 17) with the share of
the old that is kept following the clock, m = exp(-dt / tau): at one window a second the published
0.999 has a half-life of 11.6 minutes, at ten windows of one. They begin with a prior that counts
like `prior_s` seconds and fades like everything else, so that nothing has to be corrected for a
start from zero. A stretch of one class is no collapse: alignment stays off until two classes have
been seen, and grows with the number of changes between them.
"""

import math
from dataclasses import dataclass

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

MIN_SIGMA = 0.05
RATIO_BOUNDS = (0.5, 2.0)
TWO_CLASSES = 0.1
"""Mass that a second class needs before anything is aligned."""
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class TimedSettings:
    """How long a memory, and how strong.

    Args:
        tau_s: Time after which 1/e of an observation is left.
        prior_s: Seconds of observation that the prior counts like.
        n_sigma: Divides the deviation of the confidences.
        alpha_max: Greatest share of the uniform distribution in the alignment's target.
        changes: Changes of the predicted class until that share is half of it.
    """

    tau_s: float = 120.0
    prior_s: float = 30.0
    n_sigma: float = 2.0
    alpha_max: float = 0.5
    changes: float = 6.0

    def __post_init__(self) -> None:
        least = min(self.tau_s, self.prior_s, self.n_sigma, self.changes)
        if not (least > 0.0 and 0.0 <= self.alpha_max <= 1.0):
            raise InvalidInputError(
                "weighting over time", got=f"{self}", expected="positive times, alpha from 0 to 1"
            )


class TimedWeighting:
    """Weights and aligns pseudo-labels; `observe` alone changes it.

    Args:
        n_classes: Number of classes.
        settings: Memory and strength.
        mean: Of the confidences, before anything was seen; None for 1 / n_classes.
        variance: Likewise.
    """

    def __init__(
        self,
        n_classes: int,
        settings: TimedSettings | None = None,
        *,
        mean: float | None = None,
        variance: float = 1.0,
    ) -> None:
        if n_classes < 2:
            raise InvalidInputError("weighting over time", got=f"{n_classes} classes")
        self.n_classes = n_classes
        self.settings = TimedSettings() if settings is None else settings
        self.mean = 1.0 / n_classes if mean is None else mean
        self.variance = variance
        self._prior_s = self.settings.prior_s
        self._seen_s = np.zeros(n_classes)
        self._changes = 0
        self._last: int | None = None

    @property
    def class_distribution(self) -> FloatArray:
        """p_bar `(n_classes,)`, its uniform prior included."""
        total = self._seen_s.sum() + self._prior_s
        return np.asarray((self._seen_s + self._prior_s / self.n_classes) / total)

    def observe(self, probabilities: FloatArray, *, dt_s: float) -> None:
        """Take one prediction `(n_classes,)` that stands for `dt_s` seconds.

        Raises:
            InvalidInputError: no distribution, or no time; nothing has changed then.
        """
        p = self._checked(probabilities)
        if not (math.isfinite(dt_s) and dt_s > 0.0):
            raise InvalidInputError("weighting over time", got=f"{dt_s} s", expected="above 0")
        keep = math.exp(-dt_s / self.settings.tau_s)
        self._prior_s *= keep
        self._seen_s = self._seen_s * keep + dt_s * p
        share = dt_s / float(self._seen_s.sum() + self._prior_s)
        off = float(p.max()) - self.mean
        self.mean += share * off
        # West's update of a weighted variance, around the moving mean.
        self.variance = (1.0 - share) * (self.variance + share * off**2)
        label = int(p.argmax())
        self._changes += self._last is not None and label != self._last
        self._last = label

    def weight(self, probabilities: FloatArray) -> FloatArray:
        """Trust `(n,)` in predictions `(n, n_classes)`: 1 from the mean up, a Gaussian below."""
        sigma = max(math.sqrt(self.variance), MIN_SIGMA) / self.settings.n_sigma
        below = np.minimum(np.asarray(probabilities).max(axis=1) - self.mean, 0.0)
        return np.asarray(np.exp(-(below**2) / (2.0 * sigma**2)))

    @property
    def alpha(self) -> float:
        """Share of the uniform distribution in the target; 0 until two classes have mass."""
        total = float(self._seen_s.sum())
        second = float(np.sort(self._seen_s)[-2])
        if not self._changes or second < TWO_CLASSES * total:
            return 0.0
        return self.settings.alpha_max * self._changes / (self._changes + self.settings.changes)

    def align(self, probabilities: FloatArray) -> FloatArray:
        """Predictions `(n, n_classes)` moved toward a more even distribution; rows sum to 1."""
        p_bar = np.maximum(self.class_distribution, _LEAST)
        q = self.alpha / self.n_classes + (1.0 - self.alpha) * p_bar
        moved = np.asarray(probabilities) * np.clip(q / p_bar, *RATIO_BOUNDS)
        return np.asarray(moved / moved.sum(axis=1, keepdims=True))

    def _checked(self, probabilities: FloatArray) -> FloatArray:
        p = np.asarray(probabilities, np.float64)
        fits = p.shape == (self.n_classes,) and np.isfinite(p).all() and (p >= 0.0).all()
        if not fits or abs(float(p.sum()) - 1.0) > 1e-3:
            raise InvalidInputError(
                "prediction of a stream",
                got=f"{p.tolist()}",
                expected=f"{self.n_classes} finite probabilities that sum to 1",
            )
        return p
