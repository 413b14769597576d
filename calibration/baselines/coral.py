"""Deep CORAL: equal covariances of source and target features.

Sun, Saenko: *Deep CORAL: Correlation Alignment for Deep Domain Adaptation*, arXiv 1607.01719,
equation 1: the squared Frobenius distance of the two covariance matrices over `4 d^2`, added to the
source's cross-entropy. There it acts on the classifier's outputs of image networks, with a weight
such that both losses end up alike; here on the fused features, where MMD acts too, with a weight
found on development populations.
"""

from torch import Tensor

from hadua.calibration.baselines.joint import JointLearner, JointSettings, Sides
from hadua.calibration.learner import Learner, Method, Start

WEIGHT = 30.0
SETTINGS = JointSettings(rate=1e-4)


def coral_distance(source: Tensor, target: Tensor) -> Tensor:
    """Squared distance of covariances (divisor n - 1) over `4 d^2`; 0 if a side has one row.

    Args:
        source: `(n, d)`.
        target: `(m, d)`.
    """
    if min(len(source), len(target)) < 2:
        return (source.sum() + target.sum()) * 0.0
    difference = _covariance(source) - _covariance(target)
    return (difference**2).sum() / (4.0 * source.shape[1] ** 2)


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def coral_term(sides: Sides) -> Tensor:
    """The weighted distance of the fused features' covariances."""
    return WEIGHT * coral_distance(sides.source, sides.target)


def _begin(start: Start, seed: int) -> Learner:
    return JointLearner(start, seed, term=coral_term, settings=SETTINGS)


CORAL = Method(
    "coral",
    "Deep CORAL (Sun & Saenko 2016)",
    _begin,
    online_steps=3,
    settings={"weight": WEIGHT, **SETTINGS.record()},
)
