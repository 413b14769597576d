"""Entropies of predictions, as pure functions of logits."""

import torch
from torch import Tensor

_LEAST = 1e-12


def mean_entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Mean entropy (nats) of the predictions of `(n, C)` logits.

    Tent (Wang et al. 2021, arXiv 2006.10726, section 3.1) at temperature 1; the conditional entropy
    of T-TIME (Li et al. 2023, arXiv 2412.07228) at a higher one.
    """
    log_p = torch.log_softmax(logits / temperature, dim=1)
    return -(log_p.exp() * log_p).sum(dim=1).mean()


def negative_marginal_entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Minus the entropy (nats) of the mean prediction of `(n, C)` logits: least if it is uniform.

    The diversity term of information maximisation (Gomes et al. 2010; SHOT, Liang et al. 2020,
    arXiv 2002.08546, equation 4).
    """
    p = torch.softmax(logits / temperature, dim=1).mean(dim=0).clamp_min(_LEAST)
    return (p * p.log()).sum()


def marginal_regularisation(
    logits: Tensor, confident: Tensor, *, temperature: float, pseudo_count: float
) -> Tensor:
    """T-TIME's adaptive marginal distribution regularisation; least when `q` is uniform.

    With p the mean prediction, `q_k` is `p_k / (c + z_k)`, normalised to sum to 1, and the term is
    the sum of `q_k ln q_k`. So p is drawn not to the uniform distribution but to that of the
    confident predictions so far. Equal counts give plain information maximisation.

    Args:
        logits: `(n, C)`.
        confident: `(C,)` z: confident predictions of each class so far.
        temperature: Divides the logits.
        pseudo_count: c.
    """
    p = torch.softmax(logits / temperature, dim=1).mean(dim=0)
    q = p / (pseudo_count + confident)
    q = (q / q.sum()).clamp_min(_LEAST)
    return (q * q.log()).sum()
