"""Spherical splines: what an electrode would measure, from those around it."""

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

_ORDER = 4
_N_TERMS = 50
# Added to the diagonal, as MNE does: the spline then smooths a little instead of going exactly
# through every noisy value.
_REGULARISATION = 1e-5

_DEGREE = np.arange(1, _N_TERMS + 1, dtype=np.float64)
_COEFFICIENTS = np.concatenate(
    ([0.0], (2.0 * _DEGREE + 1.0) / (4.0 * np.pi * (_DEGREE * (_DEGREE + 1.0)) ** _ORDER))
)


def spherical_spline_matrix(known: FloatArray, wanted: FloatArray) -> FloatArray:
    """Weights that interpolate the potential at `wanted` from that at `known`.

    `x_wanted = x_known @ matrix.T`. The spline of Perrin et al. 1989
    (doi:10.1016/0013-4694(89)90180-6, equations 1 to 3), of order 4, with 50 Legendre terms and the
    regularisation 1e-5 that MNE uses, so that both give the same. Each row sums to 1: a constant
    is kept, and so the reference does not matter.

    Args:
        known: `(k, 3)` directions of the electrodes that measured, of any length above zero.
        wanted: `(m, 3)` directions to interpolate at.

    Returns:
        `(m, k)` weights.

    Raises:
        InvalidInputError: no known electrode, another shape, or a direction that is none.
    """
    known, wanted = _directions(known, "known"), _directions(wanted, "wanted")
    k = known.shape[0]
    if not k:
        raise InvalidInputError(
            "interpolation of electrodes", got="none that measured", expected="at least one"
        )
    system = _system(known)
    at_wanted = np.ones((wanted.shape[0], k + 1))
    at_wanted[:, :k] = _g(wanted @ known.T)
    # The system is symmetric, so at_wanted @ inverse is the transpose of one solution.
    return np.ascontiguousarray(np.linalg.solve(system, at_wanted.T)[:k].T)


def spline_precision(places: FloatArray) -> FloatArray:
    """Inverse of the spline's system, from which any electrodes follow from all the others.

    With P this matrix, b those to interpolate and g the others, `x_b = -inv(P_bb) P_bg x_g`: what
    `spherical_spline_matrix` gives for b from g, by the inverse of a partitioned matrix. For a
    single electrode that is a division, so all of them can be foretold at once.

    Args:
        places: `(n, 3)` directions of the electrodes, at least one.

    Returns:
        `(n, n)`, symmetric.

    Raises:
        InvalidInputError: none, another shape, or a direction that is none.
    """
    places = _directions(places, "all")
    n = places.shape[0]
    if not n:
        raise InvalidInputError(
            "interpolation of electrodes from each other", got="none", expected="at least one"
        )
    return np.ascontiguousarray(np.linalg.inv(_system(places))[:n, :n])


def _system(known: FloatArray) -> FloatArray:
    """`(k + 1, k + 1)`: [G 1; 1' 0] [c; c0] = [x; 0] gives the spline's coefficients for any x."""
    k = known.shape[0]
    system = np.ones((k + 1, k + 1))
    system[:k, :k] = _g(known @ known.T)
    system[range(k), range(k)] += _REGULARISATION
    system[k, k] = 0.0
    return system


def _g(cosine: FloatArray) -> FloatArray:
    """Equation 3: a sum of Legendre polynomials, by Clenshaw's recurrence."""
    return np.asarray(np.polynomial.legendre.legval(cosine, _COEFFICIENTS))


def _directions(positions: FloatArray, name: str) -> FloatArray:
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise InvalidInputError(
            f"interpolation of electrodes: {name} positions",
            got=f"shape {positions.shape}",
            expected="(n, 3): x, y, z of each electrode",
        )
    length = np.linalg.norm(positions, axis=1, keepdims=True)
    if not (np.isfinite(length).all() and (length > 0.0).all()):
        raise InvalidInputError(
            f"interpolation of electrodes: {name} positions",
            got="a position at the centre of the head, or one that is not finite",
            expected="directions from the centre of the head",
        )
    return np.asarray(positions / length, np.float64)
