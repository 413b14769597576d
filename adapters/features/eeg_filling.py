"""Puts what neighbours tell in the place of channels that are missing or bad in a window."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.mapping import EegMapping
from hadua.models.features import BoolArray, FloatArray

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """Of a window: all of a model's channels that there is something to say of.

    Args:
        positions: `(k,)` place of each among the model's channels, those found in the stream first.
        good: `(k,)` False for those whose samples are not to be used.
        interpolated: `(m,)` places of those that are interpolated.
        used: Rows of the channels found that these are made of.
        weights: `(m, len(used))` and how.
        share: Sum, over those, of the share of their variance that is expected back.
    """

    positions: IntArray
    good: BoolArray
    interpolated: IntArray
    used: IntArray
    weights: FloatArray
    share: float

    def fill(self, rows: FloatArray) -> FloatArray:
        """`(k, n)` of `(n_found, n)`: samples, or whatever else is a weighted sum of samples."""
        if not len(self.interpolated):
            return rows
        n_found = len(rows)
        whole = np.empty((len(self.positions), rows.shape[1]))
        whole[:n_found] = rows
        np.matmul(self.weights, rows[self.used], out=whole[n_found:])
        return whole


def filling(mapping: EegMapping, good: BoolArray) -> Filling:
    """What can be interpolated, and from what.

    Args:
        mapping: Of the stream.
        good: `(n_found,)` which of the channels found are good in this window.
    """
    measured = np.zeros(len(mapping.report.needed), np.bool_)
    measured[mapping.positions[good]] = True
    completion = mapping.completer.complete(measured)
    filled = completion.filled
    if not len(filled):
        return Filling(mapping.positions, good, filled, filled, np.zeros((0, 0)), 0.0)
    return Filling(
        np.concatenate((mapping.positions, filled)),
        np.concatenate((good, np.ones(len(filled), np.bool_))),
        filled,
        np.searchsorted(mapping.positions, completion.used),
        completion.matrix,
        float(completion.share.sum()),
    )
