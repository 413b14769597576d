"""Puts what neighbours tell in the place of channels that are missing or bad in a window."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.mapping import EegMapping
from hadua.models.features import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FilledWindow:
    """A window of all of a model's channels that there is something to say of.

    Args:
        x_uv: `(n, k)` microvolts, each channel contiguous in memory.
        positions: `(k,)` place of each among the model's channels.
        good: `(k,)` False for those whose samples are not to be used.
        interpolated: Places of those that were interpolated.
        share: Sum, over those, of the share of their variance that is expected back.
    """

    x_uv: FloatArray
    positions: npt.NDArray[np.intp]
    good: BoolArray
    interpolated: npt.NDArray[np.intp]
    share: float


def fill(mapping: EegMapping, x_uv: FloatArray, good: BoolArray) -> FilledWindow:
    """Interpolate, from the channels that are good, what can be.

    Args:
        mapping: Of the stream.
        x_uv: `(n, n_found)` microvolts of the channels found.
        good: `(n_found,)` which of them are good in this window.
    """
    measured = np.zeros(len(mapping.report.needed), np.bool_)
    measured[mapping.positions[good]] = True
    completion = mapping.completer.complete(measured)
    n_found, n_filled = x_uv.shape[1], len(completion.filled)
    if not n_filled:
        return FilledWindow(x_uv, mapping.positions, good, completion.filled, 0.0)
    used = np.searchsorted(mapping.positions, completion.used)
    whole = np.empty((n_found + n_filled, x_uv.shape[0]))
    whole[:n_found] = x_uv.T
    np.matmul(completion.matrix, x_uv.T[used], out=whole[n_found:])
    return FilledWindow(
        whole.T,
        np.concatenate((mapping.positions, completion.filled)),
        np.concatenate((good, np.ones(n_filled, np.bool_))),
        completion.filled,
        float(completion.share.sum()),
    )
