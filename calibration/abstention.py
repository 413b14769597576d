"""From which confidence on to answer, chosen on source people who did not train the network.

The rule is fixed-sequence testing (Bauer 1991; for selective prediction Angelopoulos et al. 2021,
"Learn then Test"). Thresholds are tried from the highest that still answers the share that must
be answered, downwards, as long as the windows answered show the target accuracy: that is, as long
as the lower end of a one-sided 95 % Wilson interval (Wilson 1927) reaches it. The last that does is
taken. Because the first failure ends it, no correction for trying many is needed, and few windows
cannot fool it.

Where even the first fails, there is no threshold for this accuracy. The first is then taken only
if it is certain to help: if the lower end lies above the accuracy of answering always.
"""

import math
from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.calibration.scores import Probabilities, require_probabilities
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray

STEPS = 200
"""Thresholds tried lie 1 / STEPS apart."""
_Z = 1.6448536269514722  # of the one-sided 95 %


@dataclass(frozen=True, slots=True)
class Abstention:
    """A threshold, and what it does on the windows it was chosen on.

    Args:
        threshold: Least confidence that is answered; 0 answers always.
        coverage: Share of windows answered.
        accuracy: Share of those that were right.
        accuracy_of_all: Share of all windows that were.
        at_least: Lower end of the interval of `accuracy`.
        reached: Whether it reaches the target.
    """

    threshold: float
    coverage: float
    accuracy: float
    accuracy_of_all: float
    at_least: float
    reached: bool


def choose_threshold(
    probabilities: Probabilities,
    y: IntArray,
    *,
    target_accuracy: float,
    max_abstained: float = 0.5,
    windows_per_trial: float = 1.0,
) -> Abstention:
    """Choose the least confidence that is answered; the rule is the module's.

    Args:
        probabilities: `(n, n_classes)`, after temperature scaling.
        y: `(n,)` true classes.
        target_accuracy: Accuracy that the windows answered are to have.
        max_abstained: Greatest share of windows left without an answer.
        windows_per_trial: How many windows count as one, because those of a trial are alike.

    Raises:
        InvalidInputError: probabilities that cannot be scored, or settings out of range.
    """
    require_probabilities(probabilities, y)
    _require_settings(target_accuracy, max_abstained, windows_per_trial)
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == y

    def at(threshold: float) -> Abstention:
        return _judge(confidence, right, threshold, target_accuracy, windows_per_trial)

    first, *lower = _thresholds(confidence, 1.0 - max_abstained)
    best = at(first)
    if not best.reached:
        return best if best.at_least > best.accuracy_of_all else at(0.0)
    for threshold in lower:
        tried = at(threshold)
        if not tried.reached:
            break
        best = tried
    return best


def wilson_lower(hits: float, n: float) -> float:
    """Lower end of the one-sided 95 % Wilson interval of a share, `hits` of `n`."""
    if n <= 0.0:
        return 0.0
    p, z2 = hits / n, _Z * _Z
    spread = _Z * math.sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n))
    return max(0.0, (p + z2 / (2.0 * n) - spread) / (1.0 + z2 / n))


def _thresholds(confidence: FloatArray, least_coverage: float) -> list[float]:
    """From the highest that covers enough down to 0, which stands for all that answer always."""
    grid = np.arange(STEPS, 0, -1) / STEPS
    coverage = (confidence[None] >= grid[:, None]).mean(axis=1)
    return [*grid[(coverage >= least_coverage) & (coverage < 1.0)].tolist(), 0.0]


def _judge(
    confidence: FloatArray,
    right: BoolArray,
    threshold: float,
    target: float,
    windows_per_trial: float,
) -> Abstention:
    sure = confidence >= threshold
    n, hits = int(sure.sum()), int(right[sure].sum())
    at_least = wilson_lower(hits / windows_per_trial, n / windows_per_trial)
    return Abstention(
        threshold=threshold,
        coverage=n / len(right),
        accuracy=hits / n,
        accuracy_of_all=float(right.mean()),
        at_least=at_least,
        reached=at_least >= target,
    )


def _require_settings(target: float, max_abstained: float, windows_per_trial: float) -> None:
    if 0.0 < target < 1.0 and 0.0 <= max_abstained < 1.0 and 1.0 <= windows_per_trial < math.inf:
        return
    raise InvalidInputError(
        "choice of an abstention threshold",
        got=f"target_accuracy={target}, max_abstained={max_abstained}, {windows_per_trial=}",
        expected="0 < target_accuracy < 1, 0 <= max_abstained < 1, windows_per_trial >= 1",
    )
