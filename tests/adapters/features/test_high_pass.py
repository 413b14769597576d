from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.features.high_pass import HighPass
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

RATE_HZ = 100.0


def filtered(
    x: FloatArray, t_s: FloatArray | None = None, cuts: list[int] | None = None
) -> FloatArray:
    high_pass = HighPass(RATE_HZ, x.shape[1], cutoff_hz=0.5)
    t_s = np.arange(len(x)) / RATE_HZ if t_s is None else t_s
    edges = sorted({0, len(x), *(cuts or [])})
    return np.concatenate([high_pass.push(t_s[a:b], x[a:b]) for a, b in pairwise(edges)])


def noise(n: int) -> FloatArray:
    return np.random.default_rng(1).standard_normal((n, 2))


def test_equals_scipys_filter_of_the_same_difference_equation() -> None:
    x = noise(800) + 1e5
    keep = np.exp(-2.0 * np.pi * 0.5 / RATE_HZ)
    level = scipy.signal.lfilter([1.0 - keep], [1.0, -keep], x - x[0], axis=0) + x[0]

    np.testing.assert_allclose(filtered(x), x - level, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 300), max_size=8),
    hole=st.integers(0, 299),
    bad=st.integers(0, 299),
)
def test_does_not_depend_on_chunking(cuts: list[int], hole: int, bad: int) -> None:
    x, t_s = noise(300), np.arange(300) / RATE_HZ
    t_s[hole:] += 3.0
    x[bad, 0] = np.nan

    np.testing.assert_array_equal(filtered(x, t_s, cuts), filtered(x, t_s))


def test_a_constant_is_nothing_at_once() -> None:
    np.testing.assert_array_equal(filtered(np.full((50, 2), 37_512.5)), 0.0)


@pytest.mark.parametrize(("gap_s", "anew"), [(0.9, False), (1.5, True)])
def test_the_level_is_kept_through_a_short_gap_only(gap_s: float, anew: bool) -> None:
    x, t_s = noise(300), np.arange(300) / RATE_HZ
    t_s[150:] += gap_s

    out = filtered(x, t_s)

    assert np.array_equal(out[150:], filtered(x[150:])) is anew
    assert np.array_equal(out, filtered(x)) is not anew


def test_what_is_not_finite_never_enters_the_level() -> None:
    x = noise(300)
    spoilt = x.copy()
    spoilt[:3, 0] = np.nan
    spoilt[100, 0] = np.inf

    out = filtered(spoilt)

    assert np.flatnonzero(~np.isfinite(out[:, 0])).tolist() == [0, 1, 2, 100]
    np.testing.assert_array_equal(out[:, 1], filtered(x)[:, 1])
    np.testing.assert_array_equal(out[3:100, 0], filtered(x[3:])[:97, 0])


def test_reset_is_as_new() -> None:
    high_pass, x, t_s = HighPass(RATE_HZ, 2, cutoff_hz=0.5), noise(200), np.arange(200) / RATE_HZ
    high_pass.push(t_s, x + 500.0)
    high_pass.reset()

    np.testing.assert_array_equal(high_pass.push(t_s, x), filtered(x))


@pytest.mark.parametrize("cutoff_hz", [0.0, 50.0])
def test_an_impossible_cutoff_is_refused(cutoff_hz: float) -> None:
    with pytest.raises(InvalidInputError, match="between 0 and half of the rate"):
        HighPass(RATE_HZ, 2, cutoff_hz=cutoff_hz)
