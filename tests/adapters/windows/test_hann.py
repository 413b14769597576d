"""Squares of a Hann window's bins, from a spectrum that was taken without one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.adapters.windows.hann import SCALE, HannSquares


def by_window(x: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> object:
    n = x.shape[1]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n) / n)
    return np.abs(np.fft.rfft((x - x.mean(axis=1, keepdims=True)) * hann, axis=1)) ** 2


@given(
    n=st.integers(16, 200),
    first=st.integers(1, 3),
    length=st.integers(1, 4),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_they_are_those_of_the_windowed_signal(
    n: int, first: int, length: int, offset: float
) -> None:
    x = np.random.default_rng(n).standard_normal((3, n)) + offset
    stop = first + length

    pairs = HannSquares(first, stop)(np.fft.rfft(x, axis=1))

    squares = SCALE * (pairs[:, 0::2] + pairs[:, 1::2])
    expected = np.asarray(by_window(x))[:, first:stop]
    np.testing.assert_allclose(squares, expected, rtol=1e-6, atol=1e-9 * (1.0 + offset))


@pytest.mark.parametrize("spoilt", [np.nan, np.inf])
def test_a_channel_spoils_itself_alone_and_nothing_lives_on(spoilt: float) -> None:
    x = np.random.default_rng(0).standard_normal((3, 64))
    squares = HannSquares(1, 8)
    bad = x.copy()
    bad[1, 5] = spoilt
    clean = squares(np.fft.rfft(x, axis=1)).copy()

    with np.errstate(all="ignore"):
        found = squares(np.fft.rfft(bad, axis=1)).copy()

    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2]], clean[[0, 2]])
    np.testing.assert_array_equal(squares(np.fft.rfft(x, axis=1)), clean)


def test_the_number_of_channels_may_change() -> None:
    x = np.random.default_rng(0).standard_normal((5, 64))
    squares = HannSquares(2, 8)
    many, few = squares(np.fft.rfft(x, axis=1)).copy(), squares(np.fft.rfft(x[:2], axis=1))

    np.testing.assert_array_equal(many[:2], few)
