"""Whether one method beats another over people: signed ranks, Holm's correction, who loses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hadua.calibration.scores import midranks
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

EXACT_UP_TO = 50
"""Pairs up to which the distribution is counted out; 2**50 is still exact in float64."""

ONE_POINT = 0.01
"""One point of per cent."""

_DECIMALS = 12  # differences of shares that are equal on paper differ in their last bits


@dataclass(frozen=True, slots=True)
class SignedRank:
    """Wilcoxon's signed-rank test of paired differences, two-sided.

    Args:
        p_value: Probability of ranks as one-sided as these, or more, if a coin threw the signs.
        statistic: Sum of the ranks of the positive differences.
        n_pairs: Pairs compared.
        n_zero: Pairs without a difference, left out of the ranks.
        exact: Whether the distribution was counted out, or taken as normal.
    """

    p_value: float
    statistic: float
    n_pairs: int
    n_zero: int
    exact: bool


def signed_rank(a: FloatArray, b: FloatArray) -> SignedRank:
    """Test whether `a` and `b`, both `(n,)` and paired, differ (Wilcoxon 1945).

    Pairs without a difference are left out, as Wilcoxon did; if that leaves none, p is 1. Equal
    differences share their mean rank. Up to 50 pairs the distribution of the sum over all signs is
    counted out, given those very ranks, so that p is exact with ties as well; beyond it is taken as
    normal, with the variance of the tied ranks and without correction for continuity.

    Raises:
        InvalidInputError: no pairs, shapes that differ, or values that are not finite.
    """
    _require_pairs(a, b)
    differences = np.round(a - b, _DECIMALS)
    d = differences[differences != 0.0]
    ranks = midranks(np.abs(d))
    statistic = float(ranks[d > 0].sum())
    exact = len(d) <= EXACT_UP_TO
    return SignedRank(
        p_value=_counted(ranks, statistic) if exact else _normal(ranks, statistic),
        statistic=statistic,
        n_pairs=len(differences),
        n_zero=len(differences) - len(d),
        exact=exact,
    )


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust p-values for their number (Holm 1979); None stays None and counts for nothing."""
    there = sorted((p, k) for k, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for done, (p, k) in enumerate(there):
        highest = max(highest, min(1.0, p * (len(there) - done)))
        adjusted[k] = highest
    return tuple(adjusted)


def negative_transfer(
    method: FloatArray, reference: FloatArray, *, margin: float = ONE_POINT
) -> float:
    """Share of people, `(n,)` each, who lose more than `margin` of accuracy to the reference.

    Raises:
        InvalidInputError: no pairs, shapes that differ, or values that are not finite.
    """
    _require_pairs(method, reference)
    return float((np.round(reference - method - margin, _DECIMALS) > 0.0).mean())


def _counted(ranks: FloatArray, statistic: float) -> float:
    """Count the patterns of signs that give each sum; doubled midranks are integers."""
    steps = np.rint(2.0 * ranks).astype(np.int64)
    ways = np.zeros(int(steps.sum()) + 1)
    ways[0] = 1.0
    for step in steps:
        ways[step:] += ways[: len(ways) - step].copy()
    at = round(2.0 * statistic)
    smaller = min(ways[: at + 1].sum(), ways[at:].sum())
    return min(1.0, 2.0 * float(smaller) / 2.0 ** len(ranks))


def _normal(ranks: FloatArray, statistic: float) -> float:
    sd = math.sqrt(float((ranks**2).sum())) / 2.0
    return math.erfc(abs(statistic - float(ranks.sum()) / 2.0) / sd / math.sqrt(2.0))


def _require_pairs(a: FloatArray, b: FloatArray) -> None:
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise InvalidInputError(
            "pairs to compare",
            got=f"{a.shape} and {b.shape}",
            expected="equal shapes (n,), n >= 1",
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidInputError("pairs to compare", expected="finite values")
