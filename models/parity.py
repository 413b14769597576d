"""Is what serves the network that was trained: both run on the same inputs, and compared."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hadua.models.errors import BundleError
from hadua.models.network import HaduaNetwork
from hadua.models.runtime import Float32Array

TOLERANCE = 1e-5
PARITY_BATCHES = (1, 2, 7, 64)

Answer = Callable[[Tensor, Tensor, Tensor], Float32Array]


def require_parity(
    network: HaduaNetwork, answer: Answer, *, what: str, batches: Sequence[int] = PARITY_BATCHES
) -> None:
    """Raise `BundleError` unless `answer` gives the network's logits at several lengths.

    Args:
        network: In evaluation mode.
        answer: Logits `(n, n_classes)` for EEG, eye and `present` as the network takes them.
        what: What the error names.
        batches: Numbers of inputs at a time to try.
    """
    lengths = sorted({1, min(2, network.context), network.context})
    for n, length in itertools.product(batches, lengths):
        inputs = example_input(network.n_eeg, network.n_eye, n, length)
        with torch.no_grad():
            expected = network(*inputs).numpy()
        _require_equal(answer(*inputs), expected, where=f"{what} at batch {n}, time {length}")


def example_input(n_eeg: int, n_eye: int, n: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs for a check, about a third of the windows missing; the same ones every time."""
    rng = np.random.default_rng((n, length))
    eeg = rng.standard_normal((n, length, n_eeg), np.float32)
    eye = rng.standard_normal((n, length, n_eye), np.float32)
    present = rng.random((n, length, 2)) > 1 / 3
    return torch.from_numpy(eeg), torch.from_numpy(eye), torch.from_numpy(present)


def _require_equal(got: np.ndarray, expected: np.ndarray, *, where: str) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    worst = float(np.abs(got - expected).max()) / scale if got.shape == expected.shape else np.inf
    if not worst <= TOLERANCE:
        raise BundleError(
            f"{where} differs from the network",
            got=f"{worst:.1e}",
            expected=f"at most {TOLERANCE:.0e}",
            hint="Weights of very different size can do this; nothing was written.",
        )
