"""The pull of an anchor: the gradient of a squared distance from weights, in closed form.

Autograd would keep four small nodes for every tensor of a network, which costs a quarter of a step
of the online loop, for a gradient that is 2 strength (w - w0).
"""

import torch
from torch import Tensor


@torch.no_grad()
def pull_toward(start: list[Tensor], weights: list[Tensor], *, strength: float) -> None:
    """Add to the gradients of weights that of `strength * sum (w - w0)^2`.

    Args:
        start: The weights that it pulls to.
        weights: Those that it pulls, of the same shapes.
        strength: How hard.
    """
    away = torch._foreach_sub(weights, start)  # noqa: SLF001 - one call instead of dozens
    missing = [k for k, weight in enumerate(weights) if weight.grad is None]
    for k in missing:
        weights[k].grad = torch.zeros_like(weights[k])
    gradients = [g for weight in weights if (g := weight.grad) is not None]
    torch._foreach_add_(gradients, away, alpha=2.0 * strength)
