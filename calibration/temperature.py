"""Temperature scaling: one number that makes confidences honest without changing any decision."""

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax

_LOWEST, _HIGHEST = 0.1, 20.0
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def negative_log_likelihood(logits: FloatArray, y: IntArray, *, temperature: float) -> float:
    """Mean negative log-likelihood (nats) of the classes `y (n,)` under `logits (n, n_classes)`."""
    p = softmax(logits, temperature=temperature)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(p, 1e-300)).mean())


def fit_temperature(logits: FloatArray, y: IntArray) -> float:
    """Find the temperature in [0.1, 20] of greatest likelihood.

    Guo et al. 2017, "On Calibration of Modern Neural Networks". The negative log-likelihood is
    convex in 1/T, so a golden-section search on log T cannot miss its one minimum.

    Args:
        logits: `(n, n_classes)` of windows that did not train the network.
        y: `(n,)` their classes.
    """
    a, b = np.log(_LOWEST), np.log(_HIGHEST)
    while b - a > 1e-4:
        left, right = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
        worse = [
            negative_log_likelihood(logits, y, temperature=float(np.exp(u))) for u in (left, right)
        ]
        a, b = (a, right) if worse[0] < worse[1] else (left, b)
    return float(np.exp((a + b) / 2.0))
