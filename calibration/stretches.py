"""Whole stretches of windows through a network: crops to learn from, and every window's answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import BoolArray, FloatArray
from hadua.models.network import FUSED_WIDTH, HaduaNetwork

BLOCK = 128
"""Windows answered at once; attention over more of them at a time costs more than it saves."""
_BATCH_WINDOWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Runs of consecutive windows, filled up at the end to one common length.

    Args:
        eeg: `(n, T, d_eeg)` float32.
        eye: `(n, T, d_eye)` float32.
        present: `(n, T, 2)` bool; False where filled up.
        valid: `(n, T)` bool; False where filled up.
        rows: `(n, T)` row of each window in what was cropped; 0 where filled up.
    """

    eeg: Tensor
    eye: Tensor
    present: Tensor
    valid: BoolArray
    rows: IntArray

    def __len__(self) -> int:
        return len(self.rows)


def crop(windows: Windows, starts: IntArray, *, lengths: IntArray) -> Crops:
    """Cut runs of windows.

    Args:
        windows: What to cut from.
        starts: `(n,)` first row of each.
        lengths: `(n,)` number of windows of each; the caller keeps to the stretch.
    """
    step = np.arange(int(lengths.max(initial=1)))
    valid = step < lengths[:, None]
    rows = np.where(valid, starts[:, None] + step, 0)
    present = windows.present[rows] & valid[..., None]
    return Crops(
        torch.from_numpy(windows.x_eeg[rows] * present[..., :1]),
        torch.from_numpy(windows.x_eye[rows] * present[..., 1:]),
        torch.from_numpy(present),
        valid,
        rows,
    )


def logits_of_windows(network: HaduaNetwork, windows: Windows) -> FloatArray:
    """Logits `(n, n_classes)` of every window, from itself and the past of its stretch.

    The network must be in evaluation mode; it is what a session that began with the stretch would
    have answered.
    """
    return _over_stretches(network, windows, network.logits_sequence, width=network.n_classes)


def fused_of_windows(network: HaduaNetwork, windows: Windows) -> FloatArray:
    """Fused features `(n, 384)` of every window, as `logits_of_windows` sees them."""
    return _over_stretches(network, windows, network.fuse_sequence, width=FUSED_WIDTH)


def _over_stretches(
    network: HaduaNetwork,
    windows: Windows,
    run: Callable[[Tensor, Tensor, Tensor], Tensor],
    *,
    width: int,
) -> FloatArray:
    out = np.zeros((len(windows), width))
    device = next(network.parameters()).device
    with torch.no_grad():
        for starts, first, lengths in _batches(windows, past=network.context - 1):
            crops = crop(windows, starts, lengths=lengths)
            inputs = (x.to(device) for x in (crops.eeg, crops.eye, crops.present))
            answer = run(*inputs).cpu().numpy()
            asked = crops.valid & (crops.rows >= first[:, None])
            out[crops.rows[asked]] = answer[asked]
    return out


def _batches(windows: Windows, *, past: int) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Blocks of stretches of similar length: first row with its past, first row asked, length."""
    depth, remaining = windows.depth() - 1, windows.remaining()
    first = np.flatnonzero(depth % BLOCK == 0)
    starts = first - np.minimum(depth[first], past)
    lengths = first + np.minimum(remaining[first], BLOCK) - starts
    order = np.argsort(lengths, kind="stable")
    while len(order):
        n = max(1, _BATCH_WINDOWS // int(lengths[order[-1]]))
        part, order = order[-n:], order[:-n]
        yield starts[part], first[part], lengths[part]
