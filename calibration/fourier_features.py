"""Random Fourier features of the objective's multi-kernel.

The multi-kernel is a sum of Gaussians `exp(-d / (2^i bw))`, i = 0 to 4, of the squared distance d.
By Bochner's theorem each is the mean of `cos(w (x - y))` over frequencies w ~ N(0, 2 / (2^i bw)),
so that the cosines and sines of a sample of frequencies are features whose inner product estimates
the kernel without bias (Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines").
"""

import math

import numpy as np
import torch
from torch import Tensor

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
    """Weighted means of random features, differentiable with respect to the rows.

    Args:
        rows: `(n, d)`.
        mix: `(n, k)`, the weights of each of k means; those of a mean sum to 1.
        frequencies: `(n_kernels, n_features, d)`.
        centre: `(d,)`, what is taken off the rows: it changes no kernel, and keeps phases small.

    Returns:
        `(k, D)`, D = 2 n_kernels n_features: cosines, then sines, over the root of n_features.
    """
    w = frequencies.flatten(0, 1).to(rows).T
    scaled = mix.T / math.sqrt(frequencies.shape[1])
    total = rows.new_zeros(mix.shape[1], 2 * w.shape[1])
    for k in range(0, len(rows), _ROWS_AT_ONCE):
        block = slice(k, k + _ROWS_AT_ONCE)
        phase = (rows[block] - centre.to(rows)) @ w
        weights = scaled[:, block]
        total = total + torch.cat((weights @ phase.cos(), weights @ phase.sin()), dim=1)
    return total
