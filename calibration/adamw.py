"""AdamW's step alone: torch's own kernel without the class around it.

`torch.optim.Optimizer` imports a compiler when the first one is made, which is seconds of a
processor and 100 MB in a process that only learns a little. The kernel and its defaults are the
same, so the weights are, bit for bit.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPS = 1e-8


class AdamW:
    """Moves weights against their gradients (Loshchilov and Hutter 2019, arXiv 1711.05101).

    Args:
        weights: What to move; float32, on the CPU.
        rate: Learning rate.
        weight_decay: Share of the rate by which weights shrink.
    """

    def __init__(self, weights: Iterable[Tensor], *, rate: float, weight_decay: float) -> None:
        self.weights = list(weights)
        self._rate, self._weight_decay = rate, weight_decay
        self._means = [torch.zeros_like(w) for w in self.weights]
        self._squares = [torch.zeros_like(w) for w in self.weights]
        self._steps = [torch.zeros(()) for _ in self.weights]

    def forget_gradients(self) -> None:
        """Begin the next step without any."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every weight that has a gradient."""
        known = [k for k, weight in enumerate(self.weights) if weight.grad is not None]
        steps = [self._steps[k] for k in known]
        torch._foreach_add_(steps, 1.0)
        torch._fused_adamw_(
            [self.weights[k] for k in known],
            [g for weight in self.weights if (g := weight.grad) is not None],
            [self._means[k] for k in known],
            [self._squares[k] for k in known],
            [],
            steps,
            lr=self._rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._weight_decay,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )
