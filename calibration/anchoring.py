"""The pull of an anchor: the gradient of a squared distance from weights, in closed form.

Autograd would keep four small nodes for every tensor of a network, which costs a quarter of a step
of the online loop, for a gradient that is 2 strength (w - w0).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx


def pull_toward(start: Sequence[Tensor], weights: Sequence[Tensor], *, strength: float) -> Tensor:
    """A term of a loss whose gradient is that of `strength * sum (w - w0)^2`.

    Its value is 0, for nobody asks for it.

    Args:
        start: The weights that it pulls to.
        weights: Those that it pulls, of the same shapes.
        strength: How hard.
    """
    pulled: Tensor = _Pull.apply(tuple(start), strength, *weights)  # type: ignore[no-untyped-call]
    return pulled


class _Pull(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, start: tuple[Tensor, ...], strength: float, *weights: Tensor
    ) -> Tensor:
        ctx.save_for_backward(*start, *weights)
        ctx.strength = strength  # type: ignore[attr-defined]
        return weights[0].new_zeros(())

    @staticmethod
    def backward(ctx: FunctionCtx, *received: Tensor) -> tuple[Tensor | None, ...]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors  # type: ignore[attr-defined]
        start, weights = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        away = torch._foreach_sub(weights, start)  # noqa: SLF001 - one call instead of dozens
        torch._foreach_mul_(away, received[0] * (2.0 * ctx.strength))  # type: ignore[attr-defined]
        return (None, None, *away)
