"""The published loss written down from the paper: what `training.py` measures ours against.

arXiv 2601.21488, section 3: a multi-kernel of the fused features, MMD, and MMD class by class, term
by term as in the text, in plain torch, with nothing saved: the differences of all pairs are laid
out in full, autograd does the rest, and each of the two makes kernels of its own. The weights and
the alignment of the pseudo-labels are no part of what is compared: both sides use ours.
"""

import torch
from torch import Tensor

from hadua.calibration.baselines.joint import Sides
from hadua.calibration.baselines.published import GAMMA_CMMD, GAMMA_MMD, MOMENTUM
from hadua.calibration.pseudo_labels import PseudoLabelWeighting


class PlainTerm:
    """What `PublishedTerm` computes, written out.

    Args:
        n_classes: Number of classes.
    """

    def __init__(self, n_classes: int) -> None:
        self._weighting = PseudoLabelWeighting(n_classes, MOMENTUM)

    def __call__(self, sides: Sides) -> Tensor:
        """The sum of both discrepancies, weighted."""
        device = sides.target.device
        p = torch.softmax(sides.target_logits.detach(), dim=1).cpu()
        self._weighting.update(p)
        aligned = self._weighting.align(p, sides.epoch).to(device)
        weights = self._weighting.weights(p).to(device)
        classwise = plain_cmmd(sides.source, sides.target, sides.y, aligned, weights)
        return GAMMA_MMD * plain_mmd(sides.source, sides.target) + GAMMA_CMMD * classwise


def plain_mmd(source: Tensor, target: Tensor) -> Tensor:
    """Mean of the kernel on either side, less twice the mean across; `(n, d)` and `(m, d)`."""
    ss, tt, st = _kernels(source, target)
    return ss.mean() + tt.mean() - 2.0 * st.mean()


def plain_cmmd(
    source: Tensor, target: Tensor, y: Tensor, probabilities: Tensor, weights: Tensor
) -> Tensor:
    """The same for each class that both sides have, and the mean of them.

    Args:
        source: `(n, d)`.
        target: `(m, d)`.
        y: `(n,)` class of each source row.
        probabilities: `(m, n_classes)`.
        weights: `(m,)`.
    """
    ss, tt, st = _kernels(source, target)
    total, n_shared = source.new_zeros(()), 0
    for c in range(probabilities.shape[1]):
        a, b = (y == c).to(source.dtype), probabilities[:, c] * weights
        if a.sum() > 0 and b.sum() > 0:
            a, b = a / a.sum(), b / b.sum()
            within = (a[:, None] * a * ss).sum() + (b[:, None] * b * tt).sum()
            total = total + within - 2.0 * (a[:, None] * b * st).sum()
            n_shared += 1
    return total / max(n_shared, 1)


def _kernels(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The multi-kernel within the source, within the target and across."""
    rows, n = torch.cat((source, target)), len(source)
    pairs = (len(rows), *rows.shape)
    difference = rows[None].expand(pairs) - rows[:, None].expand(pairs)
    distance = (difference**2).sum(2)
    bandwidth = distance.detach().sum() / (len(rows) ** 2 - len(rows)) / 4.0
    kernel = sum(
        (torch.exp(-distance / (bandwidth * 2.0**i)) for i in range(5)), torch.zeros_like(distance)
    )
    return kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
