"""A window's spectrum in two parts against that of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.windows.hann import ComplexArray
from hadua.adapters.windows.split_spectrum import TAIL_S, SplitSpectrum, head_length
from hadua.models.features import FloatArray


def split(x: FloatArray, *, n_head: int, n_bins: int) -> ComplexArray:
    """Of `(n, n_channels)`, each channel contiguous in memory."""
    spectrum = SplitSpectrum(len(x), n_head=n_head, n_bins=n_bins)
    return spectrum.whole(spectrum.of_head(x[:n_head]), x[n_head:])


def by_channel(x: FloatArray) -> FloatArray:
    return np.ascontiguousarray(x.T).T


@given(
    n=st.integers(1, 600),
    head=st.floats(0.0, 1.0),
    bins=st.floats(0.0, 1.0),
    channels=st.integers(0, 40),
    offset=st.sampled_from([0.0, 1e5]),
)
@settings(max_examples=150, deadline=None)
def test_both_parts_are_the_transform_of_the_whole(
    n: int, head: float, bins: float, channels: int, offset: float
) -> None:
    x = by_channel(offset + np.random.default_rng(n).standard_normal((n, channels)))
    n_bins = 1 + round(bins * (n // 2))

    found = split(x, n_head=round(head * n), n_bins=n_bins)

    expected = np.fft.rfft(x, axis=0)[:n_bins].T
    assert found.shape == (channels, n_bins)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-13 * n * (1.0 + offset))


def test_where_it_lies_in_memory_changes_no_bit() -> None:
    x = by_channel(np.random.default_rng(0).standard_normal((1000, 62)))
    larger = by_channel(np.zeros((1300, 62)))
    larger[137:1137] = x

    a, b = (split(each, n_head=936, n_bins=120) for each in (x, larger[137:1137]))

    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 935, 936, 999])
def test_what_is_not_finite_shows_in_bin_0_of_its_channel_alone(value: float, at: int) -> None:
    x = by_channel(np.random.default_rng(0).standard_normal((1000, 5)))
    clean = split(x, n_head=936, n_bins=120)
    x[at, 2] = value

    with np.errstate(invalid="ignore"):
        found = split(x, n_head=936, n_bins=120)

    assert not np.isfinite(found[2, 0].real)
    np.testing.assert_array_equal(np.delete(found, 2, axis=0), np.delete(clean, 2, axis=0))


@given(
    n=st.integers(0, 5000),
    rate_hz=st.sampled_from([125.0, 256.0, 500.0, 1000.0]),
    multiple_of=st.integers(1, 40),
)
def test_a_head_leaves_the_last_moment(n: int, rate_hz: float, multiple_of: int) -> None:
    head = head_length(n, rate_hz=rate_hz, multiple_of=multiple_of)

    assert head % multiple_of == 0
    assert 0 <= head <= max(0, n - TAIL_S * rate_hz)
    assert head == 0 or n - head < TAIL_S * rate_hz + 1 + multiple_of
