"""Watches a model that learns from itself, and says when it must not be believed any more.

Each bound was crossed by a published failure: classes that collapse into one, a model that runs
away from where it started, one that forgets its source, numbers that are not finite, and a chair in
which somebody else has sat down.
"""

import math
from dataclasses import dataclass

import numpy as np

from hadua.calibration.online_settings import GuardSettings
from hadua.models.features import FloatArray

_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Breach:
    """A bound that was crossed.

    Args:
        bound: Its name.
        words: What was found and what was allowed.
        to_start: Whether nothing learnt of this person can be right, the last good state included.
    """

    bound: str
    words: str
    to_start: bool = False


class Guard:
    """Averages of what a model and the one it started from say of the same windows.

    Args:
        n_classes: Number of classes.
        settings: The bounds.
        check_accuracy: Share right on the check set at the start; None without one.
    """

    def __init__(
        self, n_classes: int, settings: GuardSettings, *, check_accuracy: float | None = None
    ) -> None:
        self._settings, self._check = settings, check_accuracy
        self._most = math.log(n_classes)
        self.reset()

    def reset(self) -> None:
        """Forget the averages: the model is another one."""
        self._mass_s = 0.0
        self._mine: FloatArray | None = None
        self._start: FloatArray | None = None
        self._divergence = 0.0

    def may_teach(self, probabilities: FloatArray) -> bool:
        """Whether a prediction is sure enough to learn from."""
        return _entropy(probabilities) <= self._settings.most_entropy * self._most

    def observe(self, mine: FloatArray, start: FloatArray, *, dt_s: float) -> Breach | None:
        """Take what both say `(n_classes,)` of the same piece of `dt_s` seconds.

        What is not finite is a breach and leaves the averages as they are.
        """
        if not (np.isfinite(mine).all() and np.isfinite(start).all()):
            return Breach("finite", "a prediction that is not finite")
        kept = self._mass_s * math.exp(-dt_s / self._settings.tau_s)
        share = dt_s / (kept + dt_s)
        self._mass_s = kept + dt_s
        self._mine = _blend(self._mine, mine, share)
        self._start = _blend(self._start, start, share)
        p, q = np.maximum(mine, _LEAST), np.maximum(start, _LEAST)
        self._divergence += share * (float((p * np.log(p / q)).sum()) - self._divergence)
        return self._judge()

    def check(self, accuracy: float) -> Breach | None:
        """Look at the share right on the check set."""
        if not math.isfinite(accuracy):
            return Breach("finite", "a check that is not finite")
        if self._check is None or accuracy >= self._check - self._settings.check_loss:
            return None
        return Breach(
            "check set", f"{accuracy:.0%} right on the check set, {self._check:.0%} at the start"
        )

    def recognise(self, distance: FloatArray, *, windows: int) -> Breach | None:
        """Look at how far the person's mean features lie from the profile's.

        Args:
            distance: `(d,)` in deviations of the profile.
            windows: How many windows the mean is of.
        """
        novelty = float(np.minimum(distance**2, 4.0).mean()) if distance.size else 0.0
        few = windows < self._settings.novelty_windows
        if few or novelty <= self._settings.most_novelty:
            return None
        return Breach(
            "person",
            f"mean features {novelty:.2f} from the profile's, {self._settings.most_novelty:.2f} "
            "allowed: is this the person it was made for?",
            to_start=True,
        )

    def _judge(self) -> Breach | None:
        s = self._settings
        if self._divergence > s.most_divergence:
            return Breach(
                "divergence",
                f"{self._divergence:.2f} nats from the start, {s.most_divergence:g} allowed",
            )
        if self._mine is None or self._start is None:
            return None
        mine, start = (_entropy(p) / self._most for p in (self._mine, self._start))
        if mine < s.least_spread and start > mine + s.spread_margin:
            return Breach(
                "spread",
                f"the mean prediction has {mine:.0%} of the greatest entropy, {start:.0%} at the "
                f"start, {s.least_spread:.0%} needed",
            )
        return None


def _entropy(probabilities: FloatArray) -> float:
    p = np.maximum(probabilities, _LEAST)
    return float(-(p * np.log(p)).sum())


def _blend(old: FloatArray | None, new: FloatArray, share: float) -> FloatArray:
    return new if old is None else np.asarray((1.0 - share) * old + share * new)
