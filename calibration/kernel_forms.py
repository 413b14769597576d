"""Quadratic forms of HADUA's multi-kernel, and their gradient in closed form.

The kernel of two rows is the sum of five Gaussians of their squared distance d,
`k = sum_i exp(-d / (2^i bw))`, i = 0 to 4 (arXiv 2601.21488, section 3). Differentiating through
distance, exponentials and sum would keep a dozen matrices of the size of K; u'Ku needs one:

    d(u'Ku)/dx_i = 4 sum_j S_ij (x_i - x_j),    S_ij = u_i u_j dk/dd(d_ij).
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

N_KERNELS = 5


def quadratic_forms(
    source: Tensor, target: Tensor, forms: Tensor, *, bandwidth: float | None = None
) -> Tensor:
    """Compute u'Ku for every column u of `forms`; gradients flow to the rows alone, once.

    Args:
        source: `(n, d)`, the first rows of K.
        target: `(m, d)`, the others.
        forms: `(n + m, n_forms)`.
        bandwidth: bw; None for a quarter of the mean squared distance over all pairs of rows.

    Returns:
        `(n_forms,)`.
    """
    # `apply` has no types.
    values: Tensor = _QuadraticForms.apply(source, target, forms, bandwidth)  # type: ignore[no-untyped-call]
    return values


class _Context(Protocol):
    """What autograd hands from forward to backward."""

    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[Tensor, ...]
    n_source: int

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _QuadraticForms(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, source: Tensor, target: Tensor, forms: Tensor, bandwidth: float | None
    ) -> Tensor:
        rows = torch.cat((source, target))
        # Distances do not change with the origin, and their rounding is least around the mean.
        rows -= rows.mean(0)
        squared = (rows * rows).sum(1)
        width = _width(squared) if bandwidth is None else squared.new_tensor(bandwidth)
        distance = torch.addmm(squared[:, None] + squared, rows, rows.T, alpha=-2.0).clamp_min_(0.0)
        kernel, slope = _kernel(distance, width, with_slope=any(ctx.needs_input_grad[:2]))
        if slope is not None:
            ctx.save_for_backward(rows, forms, slope)
            ctx.n_source = len(source)
        return ((kernel @ forms) * forms).sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        rows, forms, slope = ctx.saved_tensors
        pull = ((forms * (4.0 * grad)) @ forms.T).mul_(slope)
        n = ctx.n_source
        sides = (slice(None, n), slice(n, None))
        to_source, to_target = (
            pull[side].sum(1, keepdim=True) * rows[side] - pull[side] @ rows if wanted else None
            for side, wanted in zip(sides, ctx.needs_input_grad[:2], strict=True)
        )
        return to_source, to_target, None, None


def _width(squared: Tensor) -> Tensor:
    """A quarter of the mean squared distance over all pairs, from squared lengths around the mean.

    All rows alike: every kernel is 1, whatever its width.
    """
    width = squared.sum() / (2.0 * max(len(squared) - 1, 1))
    return torch.where(width > 0, width, 1.0)


def _kernel(distance: Tensor, width: Tensor, *, with_slope: bool) -> tuple[Tensor, Tensor | None]:
    """The kernel at squared distances, and its derivative; the distances are overwritten.

    Every Gaussian is the square of the next wider one, so that one exponential is enough.
    """
    gaussian = distance.mul_(-1.0 / (width * 2.0 ** (N_KERNELS - 1))).exp_()
    kernel = gaussian.clone()
    slope = gaussian.clone() if with_slope else None
    for i in range(1, N_KERNELS):
        gaussian.mul_(gaussian)
        kernel.add_(gaussian)
        if slope is not None:
            slope.add_(gaussian, alpha=2.0**i)
    if slope is not None:
        slope.mul_(-1.0 / (width * 2.0 ** (N_KERNELS - 1)))
    return kernel, slope
