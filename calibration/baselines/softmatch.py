"""SoftMatch: hard pseudo-labels, trusted by a truncated Gaussian, learnt from varied windows.

Chen et al.: *SoftMatch: Addressing the Quantity-Quality Trade-off in Semi-supervised Learning*,
ICLR 2023, arXiv 2301.10921, section 3, and its code (microsoft/Semi-supervised-learning). The weak
view's prediction is aligned to uniform, `p u / p_bar` renormalised; the aligned confidence gives
the weight, 1 from the mean up and a Gaussian below it, mean and variance being moving averages and
the deviation divided by 2; the pseudo-label itself is the unaligned prediction's class; the loss is
the weighted cross-entropy of the strong view.

What differs here. For images, weak is a flip and a shift, strong is RandAugment; for features,
weak is as measured, strong adds Gaussian noise to every feature and drops some of them. The
averages have momentum 0.99, not 0.999, for adaptation takes hundreds of steps, not a million.
Answers come from the weights, not from their moving average. The pseudo-labels come without
dropout, which SoftMatch's networks do not have.
"""

import torch
from torch import Tensor

from hadua.calibration.baselines.joint import JointLearner, JointSettings, Sides
from hadua.calibration.draws import answers
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.pseudo_labels import PseudoLabelWeighting
from hadua.calibration.stretches import Crops

WEIGHT = 1.0
MOMENTUM = 0.99
N_SIGMA = 2.0
NOISE_SD = 0.5
FEATURE_DROP = 0.2
SETTINGS = JointSettings()

_NEVER = 1e9  # epochs until alpha falls: alignment to uniform, as in SoftMatch, has no schedule


class SoftMatchTerm:
    """The unlabelled loss, with its averages.

    Args:
        n_classes: Number of classes.
        momentum: Share of the old averages that a batch keeps.
        weight: Of the loss.
    """

    def __init__(
        self, n_classes: int, *, momentum: float = MOMENTUM, weight: float = WEIGHT
    ) -> None:
        self._weight = weight
        self._alignment = PseudoLabelWeighting(
            n_classes, momentum, alpha_max=1.0, alpha_midpoint=_NEVER
        )
        self._weighting = PseudoLabelWeighting(n_classes, momentum, n_sigma=N_SIGMA)
        self._begun = False

    def __call__(self, sides: Sides) -> Tensor:
        """Weighted cross-entropy of the strong view with the weak view's classes."""
        weak = weak_probabilities(sides)
        labels, weights = weak.argmax(dim=1), self.trust(weak)
        _, logits = answers(sides.network, strong(sides.target_crops))
        losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
        return self._weight * (weights * losses).mean()

    def trust(self, weak: Tensor) -> Tensor:
        """Take predictions `(n, C)` into the averages and weigh them, `(n,)`."""
        if not self._begun:  # the first batch's mean, not the uniform distribution
            self._alignment.class_distribution = weak.to(torch.float64).mean(0)
            self._begun = True
        else:
            self._alignment.update(weak)
        aligned = self._alignment.align(weak, epoch=0.0)
        self._weighting.update(aligned)
        return self._weighting.weights(aligned)


def weak_probabilities(sides: Sides) -> Tensor:
    """Predictions `(n, C)` of the windows as they are, in evaluation mode, without gradient."""
    sides.network.eval()
    with torch.no_grad():
        _, logits = answers(sides.network, sides.target_crops)
    sides.network.train()
    return torch.softmax(logits, dim=1)


def strong(crops: Crops) -> Crops:
    """Crops of the same windows with noise and without some features."""
    return Crops(_varied(crops.eeg), _varied(crops.eye), crops.present, crops.valid, crops.rows)


def _varied(x: Tensor) -> Tensor:
    kept = torch.rand_like(x) >= FEATURE_DROP
    return (x + NOISE_SD * torch.randn_like(x)) * kept


def _begin(start: Start, seed: int) -> Learner:
    term = SoftMatchTerm(start.network.n_classes)
    return JointLearner(start, seed, term=term, settings=SETTINGS)


SOFTMATCH = Method(
    "softmatch",
    "SoftMatch (Chen et al. 2023)",
    _begin,
    online_steps=3,
    settings={
        "weight": WEIGHT,
        "momentum": MOMENTUM,
        "n_sigma": N_SIGMA,
        "noise_sd": NOISE_SD,
        "feature_drop": FEATURE_DROP,
        **SETTINGS.record(),
    },
)
