"""How much of an electrode's signal interpolation gives back, from geometry alone."""

import numpy as np

from hadua.models.features import FloatArray

# Square of the depth, relative to the head's radius, at which sources in a homogeneous sphere look
# as blurred as those of the cortex (0.85) seen through a skull. Set by comparison with radial
# sources in a four-shell head (radii 0.90, 0.92, 0.97, 1; conductivities 0.33, 1, 0.004, 0.33 S/m).
_S = 0.42


def scalp_covariance(cosine: FloatArray) -> FloatArray:
    """Covariance of the potential at two places on the head, 1 for one and the same.

    Independent radial sources all over a shell at relative radius e give a potential with the
    covariance sum over n >= 1 of (2 n + 1) s^(n-1) P_n(cosine), s = e^2, whose sum is known in
    closed form (the Poisson kernel of the sphere).

    Args:
        cosine: Cosine of the angle between the two, any shape.
    """
    return np.asarray((_poisson(cosine) - 1.0) / (_poisson(np.ones(())) - 1.0))


def recovered_share(
    known: FloatArray, wanted: FloatArray, matrix: FloatArray, *, montage: FloatArray
) -> FloatArray:
    """Expected share of the variance at `wanted` that interpolation from `known` gives back.

    1 - (variance of the error) / (variance of the channel against the average of the montage),
    under `scalp_covariance`; 0 where the average alone would do as well. Noise, sources of other
    extent and a real head make it more or less: it says how well a place is surrounded.

    Args:
        known: `(k, 3)` unit vectors of the electrodes that measured.
        wanted: `(m, 3)` unit vectors that were interpolated.
        matrix: `(m, k)` weights, as `spherical_spline_matrix` gives them.
        montage: `(c, 3)` unit vectors of all channels of the model.

    Returns:
        `(m,)` between 0 and 1.
    """
    across = scalp_covariance(wanted @ known.T)
    among = scalp_covariance(known @ known.T)
    error = 1.0 - 2.0 * np.sum(matrix * across, axis=1) + np.sum((matrix @ among) * matrix, axis=1)
    to_average = scalp_covariance(wanted @ montage.T).mean(axis=1)
    of_average = scalp_covariance(montage @ montage.T).mean()
    variance = 1.0 - 2.0 * to_average + of_average
    # A montage of one place has no variance against its own average.
    share = 1.0 - error / np.maximum(variance, np.finfo(np.float64).tiny)
    return np.asarray(np.clip(share, 0.0, 1.0))


def _poisson(cosine: FloatArray) -> FloatArray:
    return np.asarray((1.0 - _S**2) / (1.0 - 2.0 * _S * cosine + _S**2) ** 1.5)
