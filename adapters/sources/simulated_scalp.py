"""Where the simulated electrodes sit, and the regions and fields over them.

Positions are approximate: a flat projection with the vertex at (0, 0), right and front positive,
and the 10-20 circle at radius 0.8. They only have to make neighbours resemble each other.
"""

from collections.abc import Mapping

import numpy as np

from hadua.adapters.devices.montage import SEED_62
from hadua.models.features import FloatArray

_RING = 0.8
_ROWS = {"FP": 0.76, "AF": 0.62, "F": 0.47, "FT": 0.24, "FC": 0.24, "T": 0.0, "C": 0.0}
_ROWS |= {"TP": -0.24, "CP": -0.24, "P": -0.47, "PO": -0.62, "O": -0.76, "CB": -0.78}


def _position(label: str) -> tuple[float, float]:
    row, column = label[:-1], label[-1]
    front = _ROWS[row]
    number = 0 if column == "Z" else int(column)
    side = 1.0 if number % 2 == 0 else -1.0
    if row == "CB":
        return side * 0.45, front
    reach = np.sqrt(_RING**2 - front**2)
    share = min(number, 1) if row in ("FP", "O") else (number + 1) // 2 / 4
    return side * share * float(reach), front


POSITIONS: FloatArray = np.array([_position(label) for label in SEED_62])


def _bump(right: float, front: float, width: float) -> FloatArray:
    """`(62,)` 1 at a point, falling off as a Gaussian."""
    d2 = ((POSITIONS - (right, front)) ** 2).sum(axis=1)
    return np.asarray(np.exp(-d2 / (2 * width**2)))


def _at_most_one(x: FloatArray) -> FloatArray:
    return np.asarray(x / x.max())


SCALP_MAPS: Mapping[str, FloatArray] = {
    "posterior": _at_most_one(_bump(-0.35, -0.65, 0.3) + _bump(0.35, -0.65, 0.3)),
    "frontal-midline": _bump(0.0, 0.45, 0.25),
    "frontal-left": _bump(-0.4, 0.5, 0.22),
    "frontal-right": _bump(0.4, 0.5, 0.22),
    "prefrontal": _at_most_one(_bump(-0.2, 0.76, 0.25) + _bump(0.2, 0.76, 0.25)),
    "temporal": _at_most_one(_bump(-0.75, 0.0, 0.28) + _bump(0.75, 0.0, 0.28)),
    "central": _at_most_one(_bump(-0.4, 0.0, 0.3) + _bump(0.4, 0.0, 0.3)),
    "blink": _at_most_one(_bump(0.0, 0.85, 0.22)),
}


def mixing(width: float = 0.22, *, shared: float = 0.25) -> FloatArray:
    """`(62, 62)` weights from independent sources to channels; each row has unit length.

    Args:
        width: How far a source spreads.
        shared: Size of the part that all channels have in common, through the reference.
    """
    d2 = ((POSITIONS[:, None] - POSITIONS[None]) ** 2).sum(axis=2)
    weights = np.exp(-d2 / (2 * width**2))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    weights[:, SEED_62.index("CZ")] += shared
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True))


def smooth_map(rng: np.random.Generator) -> FloatArray:
    """`(62,)` random pattern of unit variance in which neighbours resemble each other."""
    return np.asarray(mixing(0.3, shared=0.0) @ rng.standard_normal(len(SEED_62)))
