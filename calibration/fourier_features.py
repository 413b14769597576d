"""Random Fourier features of the objective's multi-kernel.

The multi-kernel is a sum of Gaussians `exp(-d / (2^i bw))`, i = 0 to 4, of the squared distance d.
By Bochner's theorem each is the mean of `cos(w (x - y))` over frequencies w ~ N(0, 2 / (2^i bw)),
so that the cosines and sines of a sample of frequencies are features whose inner product estimates
the kernel without bias (Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines").
"""

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hadua.calibration.kernel_forms import N_KERNELS

_ROWS_AT_ONCE = 1024


def source_bandwidth(x: Tensor) -> float:
    """Compute a quarter of the mean squared distance over all pairs of rows `(n, d)`, n >= 2.

    The sum over pairs is n times the sum of squared distances from the mean: one pass, no sample.
    """
    return float((x - x.mean(0)).square().sum() / (2.0 * (len(x) - 1)))


def draw_frequencies(d: int, bandwidth: float, *, n_features: int, seed: int) -> Tensor:
    """Draw frequencies `(5, n_features, d)`, float32, those of each kernel from its Gaussian."""
    normal = np.random.default_rng(seed).standard_normal((N_KERNELS, n_features, d))
    scale = [math.sqrt(2.0 / (bandwidth * 2.0**i)) for i in range(N_KERNELS)]
    return torch.from_numpy((normal * np.array(scale)[:, None, None]).astype(np.float32))


def mean_features(rows: Tensor, mix: Tensor, *, frequencies: Tensor, centre: Tensor) -> Tensor:
    """Weighted means of random features, differentiable once, with respect to the rows alone.

    Args:
        rows: `(n, d)`.
        mix: `(n, k)`, the weights of each of k means; those of a mean sum to 1.
        frequencies: `(n_kernels, n_features, d)`.
        centre: `(d,)`, what is taken off the rows: it changes no kernel, and keeps phases small.

    Returns:
        `(k, D)`, D = 2 n_kernels n_features: cosines, then sines, over the root of n_features.
    """
    scaled = mix.T / math.sqrt(frequencies.shape[1])
    w = frequencies.flatten(0, 1).to(rows)
    # `apply` has no types.
    means: Tensor = _MeanFeatures.apply(rows, scaled, w, centre.to(rows))  # type: ignore[no-untyped-call]
    return means


class _Context(Protocol):
    """What autograd hands from forward to backward."""

    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _MeanFeatures(torch.autograd.Function):
    """Autograd would take every cosine and sine a second time."""

    @staticmethod
    def forward(ctx: _Context, rows: Tensor, scaled: Tensor, w: Tensor, centre: Tensor) -> Tensor:
        total = rows.new_zeros(len(scaled), 2 * len(w))
        kept = []
        for k in range(0, len(rows), _ROWS_AT_ONCE):
            phase = (rows[k : k + _ROWS_AT_ONCE] - centre) @ w.T
            cos, sin = phase.cos(), phase.sin_()
            total += scaled[:, k : k + _ROWS_AT_ONCE] @ torch.cat((cos, sin), dim=1)
            kept += [cos, sin] if ctx.needs_input_grad[0] else []
        ctx.save_for_backward(scaled, w, *kept)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, None, None, None]:
        scaled, w, *kept = ctx.saved_tensors
        to_cos, to_sin = grad.chunk(2, dim=1)
        of_rows = []
        for k, (cos, sin) in enumerate(zip(kept[::2], kept[1::2], strict=True)):
            mine = scaled[:, k * _ROWS_AT_ONCE : (k + 1) * _ROWS_AT_ONCE].T
            to_phase = (mine @ to_sin) * cos - (mine @ to_cos) * sin
            of_rows.append(to_phase @ w)
        return torch.cat(of_rows), None, None, None
