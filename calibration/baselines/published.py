"""HADUA as published: one window, cross-entropy, MMD and CMMD with weighted, aligned pseudo-labels.

Tang et al., arXiv 2601.21488: `CE + 0.5 MMD + 0.5 CMMD` on the fused features; Gaussian weights
(equations 8 and 12: momentum 0.999, deviation not divided); uniform alignment (equations 16 and 17)
on its schedule of epochs, an epoch being as many windows as the source has; Adam with rate 1e-4,
weight decay 5e-5, batches of 64; a context of one window.

Where the released code departs from the paper the paper holds, as in `objective`: the averages live
on between steps, the aligned probabilities reach CMMD, the classifier is trained. The paper
trains 100 epochs from random weights on source and target together; here it begins, as every
method does, with a network that knows the source, and the source's windows are varied as in its
training, which the paper does not do.
"""

import torch
from torch import Tensor

from hadua.calibration.baselines.joint import JointLearner, JointSettings, Sides
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.objective import discrepancies
from hadua.calibration.pseudo_labels import PseudoLabelWeighting

GAMMA_MMD = 0.5
GAMMA_CMMD = 0.5
MOMENTUM = 0.999
SETTINGS = JointSettings(rate=1e-4, weight_decay=5e-5, batch=64)


class PublishedTerm:
    """Both discrepancies, with the averages that weigh and align the pseudo-labels.

    Args:
        n_classes: Number of classes.
    """

    def __init__(self, n_classes: int) -> None:
        self._n_classes = n_classes
        self._weighting = PseudoLabelWeighting(n_classes, MOMENTUM)

    def __call__(self, sides: Sides) -> Tensor:
        """The sum of both, weighted."""
        device = sides.target.device
        p = torch.softmax(sides.target_logits.detach(), dim=1).cpu()  # where the averages are
        self._weighting.update(p)
        one_hot = torch.nn.functional.one_hot(sides.y, self._n_classes)
        marginal, classwise = discrepancies(
            sides.source,
            sides.target,
            one_hot,
            self._weighting.align(p, sides.epoch).to(device),
            self._weighting.weights(p).to(device),
        )
        return GAMMA_MMD * marginal + GAMMA_CMMD * classwise


def _begin(start: Start, seed: int) -> Learner:
    term = PublishedTerm(start.network.n_classes)
    return JointLearner(start, seed, term=term, settings=SETTINGS)


PUBLISHED = Method(
    "hadua-published",
    "HADUA as published (Tang et al. 2026)",
    _begin,
    context=1,
    online_steps=3,
    settings={
        "gamma_mmd": GAMMA_MMD,
        "gamma_cmmd": GAMMA_CMMD,
        "momentum": MOMENTUM,
        "n_sigma": 1.0,
        **SETTINGS.record(),
    },
)
