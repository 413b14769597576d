"""Attention as a network is trained by it: its gradient in closed form.

`scaled_dot_product_attention` without a fused kernel is two dozen small operations and as many on
the way back, and its softmax takes rows of a dozen keys one by one: on a processor that is a third
of a training step of a small network. What is drawn for dropout is the same, number by number.
"""

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def attend(asking: Tensor, keys: Tensor, values: Tensor, scores: Tensor, *, drop: float) -> Tensor:
    """Values `(n, heads, T, d)` weighted by who asks for them; differentiable once.

    Args:
        asking: `(n, heads, T, d)`.
        keys: Likewise.
        values: Likewise.
        scores: `(heads, T, T)` added before the softmax; minus infinity for what is not seen, but
            not for all that somebody sees.
        drop: Share of the weights that is dropped.
    """
    # `apply` has no types.
    heads: Tensor = _Attend.apply(asking, keys, values, scores, drop)  # type: ignore[no-untyped-call]
    return heads


class _Context(Protocol):
    """What autograd hands from forward to backward."""

    saved_tensors: tuple[Tensor, ...]
    shape: torch.Size
    scale: float

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, asking: Tensor, keys: Tensor, values: Tensor, scores: Tensor, drop: float
    ) -> Tensor:
        ctx.shape, ctx.scale = asking.shape, 1.0 / math.sqrt(asking.shape[-1])
        q, k, v = (x.flatten(0, 1) for x in (asking, keys, values))
        weights = torch.unflatten(torch.bmm(q, k.mT).mul_(ctx.scale), 0, ctx.shape[:2]).add_(scores)
        weights.sub_(weights.amax(-1, keepdim=True)).exp_()
        weights.div_(weights.sum(-1, keepdim=True))
        kept = torch.empty_like(weights).bernoulli_(1.0 - drop).div_(1.0 - drop)
        ctx.save_for_backward(q, k, v, weights, kept)
        return torch.bmm((weights * kept).flatten(0, 1), v).view(ctx.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        q, k, v, weights, kept = ctx.saved_tensors
        g = grad.flatten(0, 1)
        to_values = torch.bmm((weights * kept).flatten(0, 1).mT, g)
        pull = torch.bmm(g, v.mT).view_as(weights).mul_(kept).mul_(weights)
        pull.addcmul_(weights, pull.sum(-1, keepdim=True), value=-1.0)
        to_scores = pull.sum(0)
        pull = pull.flatten(0, 1).mul_(ctx.scale)
        to_asking, to_keys = torch.bmm(pull, k), torch.bmm(pull.mT, q)
        shaped = (x.view(ctx.shape) for x in (to_asking, to_keys, to_values))
        return (*shaped, to_scores, None)  # type: ignore[return-value]
