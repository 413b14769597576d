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

NOVELTY_CAP = 4.0
"""What a feature counts at most in the distance from a person: a bound of it is never crossed."""
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

    @property
    def as_said(self) -> str:
        """For people: which bound, and what was found."""
        return f"{self.bound}: {self.words}"


class Guard:
    """Knows the bounds, and averages how far a model has gone from the one it started from.

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
        """Begin the average anew, with agreement: one odd piece is no divergence."""
        self._mass_s = self._settings.tau_s
        self._divergence = 0.0

    def may_teach(self, probabilities: FloatArray) -> bool:
        """Whether a prediction is sure enough to learn from."""
        return _entropy(probabilities) <= self._settings.most_entropy * self._most

    def observe(self, mine: FloatArray, start: FloatArray, *, dt_s: float) -> Breach | None:
        """Take what both say `(n_classes,)` of the same piece of `dt_s` seconds.

        What is not finite is a breach and leaves the average as it is.
        """
        if not (np.isfinite(mine).all() and np.isfinite(start).all()):
            return Breach("finite", "a prediction that is not finite")
        kept = self._mass_s * math.exp(-dt_s / self._settings.tau_s)
        share = dt_s / (kept + dt_s)
        self._mass_s = kept + dt_s
        p, q = np.maximum(mine, _LEAST), np.maximum(start, _LEAST)
        self._divergence += share * (float((p * np.log(p / q)).sum()) - self._divergence)
        if self._divergence <= self._settings.most_divergence:
            return None
        return Breach(
            "divergence",
            f"{self._divergence:.2f} nats from the start, {self._settings.most_divergence:g} "
            "allowed",
        )

    def compare(self, now: FloatArray, before: FloatArray) -> Breach | None:
        """Look at whether classes have collapsed into one.

        A stream of one class is no collapse: what counts is that pieces of a balanced buffer
        were told apart when they came and are not any more.

        Args:
            now: `(n_classes,)` mean of what is predicted of the buffer's pieces.
            before: `(n_classes,)` mean of what was predicted of them when they came.
        """
        if not np.isfinite(now).all():
            return Breach("finite", "a prediction that is not finite")
        s, few, many = self._settings, *(_entropy(p) / self._most for p in (now, before))
        if few >= s.least_spread or many <= few + s.spread_margin:
            return None
        return Breach(
            "spread",
            f"the mean prediction of what is remembered has {few:.0%} of the greatest entropy, "
            f"{many:.0%} when it came, {s.least_spread:.0%} needed",
        )

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
        novelty = float(np.minimum(distance**2, NOVELTY_CAP).mean()) if distance.size else 0.0
        few = windows < self._settings.novelty_windows
        if few or novelty <= self._settings.most_novelty:
            return None
        return Breach(
            "person",
            f"mean features {novelty:.2f} from the profile's, {self._settings.most_novelty:.2f} "
            "allowed: is this the person it was made for?",
            to_start=True,
        )


def _entropy(probabilities: FloatArray) -> float:
    p = np.maximum(probabilities, _LEAST)
    return float(-(p * np.log(p)).sum())
