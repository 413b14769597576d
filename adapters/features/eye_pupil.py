"""The pupil's recent past: its mean and spread in a window, its energy in slow bands.

The pupil is kept as means over cells of 0.1 s, whatever the tracker's rate. Its slow bands reach
below 0.2 Hz, which a window of a few seconds cannot resolve, so they are taken from up to 60 s of
history, and only once there are 30 s of it.
"""

from bisect import bisect_left
from functools import lru_cache
from math import ceil, e, pi
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hadua.adapters.features.eye_grid import STEP_S, GridSteps
from hadua.adapters.state import Fields
from hadua.models.features import BoolArray, FloatArray

IntArray = npt.NDArray[np.intp]

CELL_STEPS = 25
CELL_HZ = 1.0 / (CELL_STEPS * STEP_S)
BANDS_HZ: tuple[tuple[float, float], ...] = ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0))
MAX_CELLS = 600
MAX_CELLS_S = MAX_CELLS / CELL_HZ
MIN_CELLS = 300
# A cell counts as measured if the eye was for this share of it: cells that touch a blink, where
# the lid covers part of the pupil, mostly drop out.
MIN_CELL_SHARE = 0.8
# One period of the slowest band: over longer holes nothing is interpolated, history starts anew.
MAX_HOLE_CELLS = 50
# Of a history, and of a window, this much must have been measured.
MIN_MEASURED = 0.5
# Below the resolution of any tracker (1 nm squared): a pupil without variance was not measured.
MIN_VARIANCE_MM2 = 1e-12
_UNKNOWN = np.full(len(BANDS_HZ), np.nan)


class PupilHistory:
    """Both pupils over the last minute."""

    STATE: ClassVar[Fields] = {
        "_cells": FloatArray,
        "_cell": int | None,
        "_sums": list[float],
        "_counts": list[int],
    }

    def __init__(self) -> None:
        self._cells = np.full((2 * MAX_CELLS, 2), np.nan)  # written twice: any minute is a slice
        self._cell: int | None = None
        self._sums = [0.0, 0.0]
        self._counts = [0, 0]

    def push(self, steps: GridSteps) -> None:
        """Take the next steps."""
        k = steps.k.tolist()
        left_mm, right_mm = steps.eyes[:, 4:].T.tolist()
        start = 0
        while start < len(k):
            cell = k[start] // CELL_STEPS
            if cell != self._cell:
                self._close(cell)
            stop = bisect_left(k, (cell + 1) * CELL_STEPS, start)
            self._add(0, left_mm[start:stop])
            self._add(1, right_mm[start:stop])
            start = stop

    def _add(self, eye: int, pupils_mm: list[float]) -> None:
        total, n = self._sums[eye], self._counts[eye]
        for pupil_mm in pupils_mm:
            if pupil_mm == pupil_mm:
                total += pupil_mm
                n += 1
        self._sums[eye], self._counts[eye] = total, n

    def _close(self, cell: int) -> None:
        if self._cell is not None:
            self._write(self._cell, [self._mean(0), self._mean(1)])
            for skipped in range(max(self._cell + 1, cell - MAX_CELLS), cell):
                self._write(skipped, [np.nan, np.nan])
        self._cell, self._sums, self._counts = cell, [0.0, 0.0], [0, 0]

    def _mean(self, eye: int) -> float:
        n = self._counts[eye]
        return self._sums[eye] / n if n >= MIN_CELL_SHARE * CELL_STEPS else float("nan")

    def _write(self, cell: int, means_mm: list[float]) -> None:
        row = cell % MAX_CELLS
        self._cells[row] = self._cells[row + MAX_CELLS] = means_mm

    def recent_mm(self, n_cells: int) -> FloatArray:
        """The last `n_cells` closed cells, oldest first, `(n_cells, 2)` mm; NaN: not measured."""
        if self._cell is None:
            return np.full((n_cells, 2), np.nan)
        last = (self._cell - 1) % MAX_CELLS + MAX_CELLS
        return self._cells[last + 1 - n_cells : last + 1]  # n_cells is at most MAX_CELLS

    def mean_sd_mm(self, start_s: float, end_s: float) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation per eye from `start_s` to `end_s`, each `(2,)` mm.

        NaN where less than half of it was measured. Cells that are still open do not count, nor
        does anything from before `start_s`, however long ago the last step came.

        Args:
            start_s: At most `MAX_CELLS` before the newest step.
            end_s: At or after the newest step.
        """
        n_cells = max(1, round((end_s - start_s) * CELL_HZ))
        closed = 0 if self._cell is None else self._cell - round(start_s * CELL_HZ)
        cells = self.recent_mm(min(max(0, closed), n_cells))
        least = max(1.0, MIN_MEASURED * n_cells)
        measured = ~np.isnan(cells)
        if len(cells) >= least and measured.all():
            return _mean_sd(cells, len(cells))
        n = measured.sum(axis=0)
        return _mean_sd(cells, np.where(n >= least, n, np.nan), where=measured)

    def band_entropy(self) -> FloatArray:
        """Differential entropy of each eye's slow bands, `(2, 4)` nats of mm; NaN if unknown.

        0.5 ln(2 pi e s2), s2 the variance in the band (mm2) from a Hann-windowed periodogram of
        the history less its mean. The lowest band leaves out frequency 0.
        """
        cells = self.recent_mm(MAX_CELLS)
        left, right = _unbroken(cells[:, 0]), _unbroken(cells[:, 1])
        if left is not None and right is not None and left.size == right.size:
            variance_mm2 = _variance(np.array((left, right)))
        else:
            each = [_UNKNOWN if eye is None else _variance(eye) for eye in (left, right)]
            variance_mm2 = np.array(each)
        known = variance_mm2 > MIN_VARIANCE_MM2
        entropy = 0.5 * np.log(2.0 * pi * e * np.where(known, variance_mm2, 1.0))
        return np.where(known, entropy, np.nan)


def _mean_sd(
    cells_mm: FloatArray, n: FloatArray | int, *, where: BoolArray | bool = True
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the columns of `(n_cells, 2)`, over `n` cells each."""
    mean_mm = cells_mm.sum(axis=0, where=where) / n
    apart_mm = cells_mm - mean_mm
    return mean_mm, np.sqrt((apart_mm * apart_mm).sum(axis=0, where=where) / n)


def _variance(history_mm: FloatArray) -> FloatArray:
    """`(..., 4)` variances in the bands, mm2, of histories `(..., n)`."""
    n = history_mm.shape[-1]
    window, edges, scale = _plan(n)
    mean_mm = history_mm.sum(axis=-1, keepdims=True) / n
    spectrum = np.fft.rfft((history_mm - mean_mm) * window)[..., : edges[-1]]
    power = np.abs(spectrum) ** 2
    return np.add.reduceat(power, edges[:-1], axis=-1) * scale


def _unbroken(cells: FloatArray) -> FloatArray | None:
    """The newest stretch without a long hole, short ones filled in; None if it is too short."""
    (at,) = (~np.isnan(cells)).nonzero()
    if at.size < MIN_MEASURED * MIN_CELLS:
        return None
    (holes,) = (at[1:] - at[:-1] > MAX_HOLE_CELLS).nonzero()
    if holes.size:
        at = at[int(holes[-1]) + 1 :]
    first, last = int(at[0]), int(at[-1])
    n = last - first + 1
    if n < MIN_CELLS or at.size < MIN_MEASURED * n or cells.size - 1 - last > MAX_HOLE_CELLS:
        return None
    if at.size == n:
        return cells[first : last + 1]
    return np.asarray(np.interp(np.arange(first, last + 1), at, cells[at]))


@lru_cache(maxsize=8)
def _plan(n: int) -> tuple[FloatArray, IntArray, float]:
    """Hann window of `n` cells, the bands' first bins and the one after, variance per power."""
    window = 0.5 - 0.5 * np.cos(2.0 * pi * np.arange(n) / n)
    limits = [low for low, _ in BANDS_HZ] + [BANDS_HZ[-1][1]]
    edges = [max(1, ceil(limit * n / CELL_HZ - 1e-9)) for limit in limits]
    return window, np.array(edges, np.intp), 2.0 / (n * float(window @ window))
