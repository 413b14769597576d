from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from hadua.calibration.comparison import holm, negative_transfer, signed_rank
from hadua.calibration.scores import midranks
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

SHARES = st.integers(-4, 4)


def drawn(n: int, seed: int, *, shift: float = 0.3) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1.0, n), rng.normal(0.0, 1.0, n)


@given(n=st.integers(1, 50), seed=st.integers(0, 50), shift=st.floats(-1.0, 1.0))
def test_without_ties_p_is_scipys_exact_one(n: int, seed: int, shift: float) -> None:
    a, b = drawn(n, seed, shift=shift)

    ours = signed_rank(a, b)

    assert ours.exact
    assert ours.p_value == pytest.approx(scipy.stats.wilcoxon(a, b, method="exact").pvalue)


@given(n=st.integers(51, 120), seed=st.integers(0, 20))
def test_beyond_fifty_pairs_p_is_scipys_normal_one(n: int, seed: int) -> None:
    a, b = drawn(n, seed, shift=0.1)
    a, b = np.round(a, 1), np.round(b, 1)  # with ties, and with pairs that are equal
    zeros = int((np.round(a - b, 9) == 0).sum())
    d = np.round(a - b, 9)

    ours = signed_rank(a, b)

    assert ours.n_zero == zeros
    assert ours.exact == (n - zeros <= 50)
    if not ours.exact:
        theirs = scipy.stats.wilcoxon(d, method="asymptotic", correction=False)
        assert ours.p_value == pytest.approx(theirs.pvalue)


@given(d=st.lists(SHARES, min_size=1, max_size=9))
def test_with_ties_p_counts_every_throw_of_the_signs(d: list[int]) -> None:
    left = np.array([x for x in d if x], dtype=float)
    ranks = midranks(np.abs(left))
    seen = ranks[left > 0].sum()
    sums = np.array([np.dot(signs, ranks) for signs in product((0, 1), repeat=len(ranks))])
    p = min(1.0, 2 * min((sums <= seen).mean(), (sums >= seen).mean()))

    ours = signed_rank(np.array(d, dtype=float), np.zeros(len(d)))

    assert ours.p_value == pytest.approx(p)
    assert ours.n_zero == d.count(0)


def test_differences_equal_on_paper_are_ties_and_zeros() -> None:
    # 0.3 - 0.2 and 0.2 - 0.1 differ in their last bits, and 0.1 + 0.2 is not 0.3
    a, b = np.array([0.3, 0.2, 0.1 + 0.2]), np.array([0.2, 0.1, 0.3])

    result = signed_rank(a, b)

    assert (result.n_pairs, result.n_zero, result.statistic) == (3, 1, 3.0)


def test_equal_methods_have_p_one() -> None:
    same = np.array([0.4, 0.7, 0.9])

    result = signed_rank(same, same)

    assert (result.p_value, result.n_zero) == (1.0, 3)


@given(n=st.integers(1, 30), seed=st.integers(0, 20))
def test_p_does_not_depend_on_who_is_first(n: int, seed: int) -> None:
    a, b = drawn(n, seed)

    assert signed_rank(a, b).p_value == signed_rank(b, a).p_value


@pytest.mark.parametrize("n", [3, 15])
def test_no_p_is_smaller_than_all_signs_alike(n: int) -> None:
    assert signed_rank(np.arange(1.0, n + 1), np.zeros(n)).p_value == 2.0 ** (1 - n)


def test_holm_of_a_case_worked_by_hand() -> None:
    # 0.01 x 3, then 0.02 x 2 = 0.04, then 0.03 x 1, raised to the one before
    assert holm([0.02, None, 0.01, 0.03]) == pytest.approx((0.04, None, 0.03, 0.04))
    assert holm([]) == ()
    assert holm([None, 0.7, 0.9]) == pytest.approx((None, 1.0, 1.0))


@given(p=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_raises_p_keeps_their_order_and_stays_below_bonferroni(p: list[float]) -> None:
    adjusted = [q for q in holm(p) if q is not None]

    assert all(a <= q <= min(1.0, a * len(p)) for a, q in zip(p, adjusted, strict=True))
    order = np.argsort(p, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_negative_transfer_is_who_loses_more_than_one_point() -> None:
    reference = np.array([0.50, 0.60, 0.70, 0.80])
    method = np.array([0.49, 0.589, 0.90, 0.10])  # exactly a point, more, a gain, much more

    assert negative_transfer(method, reference) == 0.5
    assert negative_transfer(reference, reference) == 0.0
    assert negative_transfer(method, reference, margin=0.02) == 0.25


@pytest.mark.parametrize("compare", [signed_rank, negative_transfer])
def test_what_is_not_paired_is_refused(
    compare: Callable[[FloatArray, FloatArray], object],
) -> None:
    with pytest.raises(InvalidInputError, match=r"got \(2,\) and \(3,\)"):
        compare(np.zeros(2), np.zeros(3))
    with pytest.raises(InvalidInputError, match=r"got \(0,\) and \(0,\)"):
        compare(np.zeros(0), np.zeros(0))
    with pytest.raises(InvalidInputError, match="finite"):
        compare(np.array([np.nan]), np.array([0.0]))
