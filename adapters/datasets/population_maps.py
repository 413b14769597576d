"""Random patterns over features in which neighbours, on the scalp or in a table, are alike."""

from collections.abc import Sequence

import numpy as np

from hadua.adapters.datasets.population_settings import BANDS, EYE_WIDTH
from hadua.adapters.devices.montage import SEED_62
from hadua.models.features import FloatArray

EEG_WIDTH = len(SEED_62) * len(BANDS)

WHITE = 0.5
"""Noise of single features beside the smooth background, in units of the latter."""

_SCALP_REACH = 0.25
_BAND_REACH = 0.6
_TABLE_REACH = 0.8
_ROWS = ("FP", "AF", "F", "FC", "C", "CP", "P", "PO", "O")
_SAME_ROW = {"FT": "FC", "T": "C", "TP": "CP", "CB": "O"}


def stream(seed: int, *key: int) -> np.random.Generator:
    """A generator that depends on the seed and the key alone, whatever others have drawn."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def scalp_positions(names: Sequence[str] = SEED_62) -> FloatArray:
    """`(n, 3)` electrodes on the unit sphere: right, front, up.

    Rows of the 10-10 system are circles of equal angle between front and back; in a row, the
    number says how far from the midline. Approximate: only neighbourhood matters here.
    """
    return np.array([_position(name) for name in names])


def smooth_eeg(rng: np.random.Generator, n: int) -> FloatArray:
    """`(n, 310)` independent patterns of unit variance, smooth over the scalp and the bands."""
    white = rng.standard_normal((n, len(SEED_62), len(BANDS)))
    smooth = np.einsum("ncb,dc,eb->nde", white, _SCALP, _BAND, optimize=True)
    return np.asarray(smooth.reshape(n, EEG_WIDTH))


def smooth_eye(rng: np.random.Generator, n: int) -> FloatArray:
    """`(n, 33)` independent patterns of unit variance; neighbours in the table correlate."""
    return rng.standard_normal((n, EYE_WIDTH)) @ _TABLE.T


def orthonormal(rows: FloatArray, *, beside: FloatArray | None = None) -> FloatArray:
    """Gram-Schmidt in the metric of the noise: a row then lies one standard deviation from 0.

    The metric is the inverse covariance of `background`, so that lengths and angles say how well
    an ideal observer tells patterns apart, whatever their place and shape.

    Args:
        rows: `(k, d)` patterns over the EEG or the eye features.
        beside: `(m, d)` orthonormal patterns to be orthogonal to as well.
    """
    metric = _PRECISION[rows.shape[1]]
    done = [] if beside is None else list(beside)
    first = len(done)
    for row in rows:
        rest = row - sum((float(row @ metric @ other) * other for other in done), np.zeros(()))
        done.append(rest / np.sqrt(rest @ metric @ rest))
    return np.stack(done[first:])


def _position(name: str) -> tuple[float, float, float]:
    letters, digits = name.rstrip("0123456789Z"), name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXY")
    row = _ROWS.index(_SAME_ROW.get(letters, letters))
    number = 0 if digits == "Z" else int(digits)
    side = 1.0 if number % 2 == 0 else -1.0
    tilt = np.pi * (row + 1) / (len(_ROWS) + 1)
    # FP, O and CB have one electrode a side only, where the row meets the rim of the cap.
    aside = min(number, 1) * 0.35 if row in (0, len(_ROWS) - 1) else (number + 1) // 2 / 4
    aside = 0.7 if letters == "CB" else aside
    lean = side * aside * np.pi / 2
    up = np.sin(tilt) * np.cos(lean)
    return float(np.sin(tilt) * np.sin(lean)), float(np.cos(tilt)), float(up)


def _kernel(positions: FloatArray, reach: float) -> FloatArray:
    """`(n, n)` Gaussian weights whose rows have unit length: they keep the variance of noise."""
    d2 = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    k = np.exp(-d2 / (2 * reach**2))
    return np.asarray(k / np.sqrt((k**2).sum(axis=1, keepdims=True)))


def _precision(kernel: FloatArray) -> FloatArray:
    """`(n, n)` inverse covariance of the smooth background with every feature's noise on top."""
    covariance: FloatArray = kernel @ kernel.T + WHITE**2 * np.eye(len(kernel))
    return np.asarray(np.linalg.inv(covariance))


_SCALP = _kernel(scalp_positions(), _SCALP_REACH)
_BAND = _kernel(np.arange(len(BANDS), dtype=np.float64)[:, None], _BAND_REACH)
_TABLE = _kernel(np.arange(EYE_WIDTH, dtype=np.float64)[:, None], _TABLE_REACH)
_PRECISION = {
    EEG_WIDTH: _precision(np.asarray(np.kron(_SCALP, _BAND), np.float64)),
    EYE_WIDTH: _precision(_TABLE),
}
