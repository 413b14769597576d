import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from support.eeg_signals import MUSE_RATE_HZ, read_muse

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_entropy import (
    BANDS,
    DifferentialEntropy,
    differential_entropy,
    eeg_feature_spec,
)
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Smoothing


def of_variance(variance: float | FloatArray) -> float | FloatArray:
    return np.asarray(0.5 * np.log(2 * np.pi * np.e * np.asarray(variance)))


def by_scipy(x: FloatArray, rate_hz: float) -> FloatArray:
    """The definition through scipy's periodogram: an independent window, FFT and scaling."""
    f_hz, density = signal.periodogram(x, rate_hz, window="hann", detrend="constant", axis=0)
    rows = [
        density[(f_hz > b.low_hz - 1e-9) & (f_hz < b.high_hz - 1e-9)].sum(axis=0) for b in BANDS
    ]
    return np.stack([of_variance(r * rate_hz / len(x)) for r in rows], axis=1)


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 200.0, 250.0, 256.0, 333.3, 1000.0, 2048.0])
@pytest.mark.parametrize("window_s", [1.0, 1.7, 4.0])
def test_equals_scipy_on_noise_with_offset_and_drift(rate_hz: float, window_s: float) -> None:
    rng = np.random.default_rng(7)
    n = round(window_s * rate_hz)
    drift = np.linspace(-500.0, 900.0, n)[:, None]
    x = rng.standard_normal((n, 5)) * [0.1, 1.0, 10.0, 100.0, 1e4] + 3e4 + drift

    np.testing.assert_allclose(differential_entropy(x, rate_hz), by_scipy(x, rate_hz), atol=1e-6)


@pytest.mark.parametrize("n", [101, 103])
def test_odd_window_whose_gamma_ends_at_nyquist_equals_scipy(n: int) -> None:
    x = np.random.default_rng(1).standard_normal((n, 3))

    np.testing.assert_allclose(differential_entropy(x, 100.0), by_scipy(x, 100.0), atol=1e-6)


def test_equals_scipy_on_a_real_recording(recordings: Path) -> None:
    _, x = read_muse(recordings)
    for start in range(0, len(x) - 256, 2560):
        block = x[start : start + 256]
        expected = by_scipy(block, MUSE_RATE_HZ)
        np.testing.assert_allclose(
            differential_entropy(block, MUSE_RATE_HZ), expected, rtol=0, atol=1e-6
        )


@pytest.mark.parametrize(("frequency_hz", "band"), [(2.5, 0), (6.0, 1), (10.0, 2), (20.0, 3)])
@pytest.mark.parametrize("amplitude_uv", [0.5, 30.0])
def test_sinusoid_on_a_bin_has_half_its_squared_amplitude(
    frequency_hz: float, band: int, amplitude_uv: float
) -> None:
    t_s = np.arange(1000) / 250.0
    x = amplitude_uv * np.sin(2 * np.pi * frequency_hz * t_s + 0.3)[:, None]

    value = differential_entropy(x, 250.0)[0, band]

    assert value == pytest.approx(of_variance(amplitude_uv**2 / 2), abs=1e-9)


def test_white_noise_has_its_share_of_the_variance() -> None:
    sd_uv, n, rate_hz = 12.0, 1000, 500.0
    x = np.random.default_rng(3).standard_normal((n, 4000)) * sd_uv

    variance = np.exp(2 * differential_entropy(x, rate_hz)) / (2 * np.pi * np.e)

    # Bins of half-open bands at 0.5 Hz; neighbours correlate by 4/9 under a Hann window.
    n_bins = np.array([6, 8, 12, 34, 38])
    expected = sd_uv**2 * 2 * n_bins / n
    standard_error = expected / np.sqrt(n_bins * 4000) * np.sqrt(1 + 2 * (4 / 9 + 1 / 36))
    assert (np.abs(variance.mean(axis=0) - expected) < 4.5 * standard_error).all()


@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3), offset=st.floats(-1e4, 1e4))
@settings(max_examples=30, deadline=None)
def test_scale_adds_its_logarithm_and_offset_nothing(
    seed: int, scale: float, offset: float
) -> None:
    x = np.random.default_rng(seed).standard_normal((256, 3))

    moved = differential_entropy(x * scale + offset, 256.0)

    np.testing.assert_allclose(moved, differential_entropy(x, 256.0) + np.log(scale), atol=1e-6)


@given(order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_channels_are_independent_in_any_order_and_memory_layout(order: list[int]) -> None:
    x = np.random.default_rng(5).standard_normal((300, 6))

    permuted = differential_entropy(np.asfortranarray(x[:, order]), 250.0)

    np.testing.assert_array_equal(permuted, differential_entropy(x, 250.0)[order])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_one_bad_sample_costs_its_channel_and_no_other(value: float) -> None:
    x = np.random.default_rng(2).standard_normal((256, 3))
    clean = differential_entropy(x, 256.0)
    x[100, 1] = value

    dirty = differential_entropy(x, 256.0)

    assert np.isnan(dirty[1]).all()
    np.testing.assert_array_equal(dirty[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("level", [0.0, 0.1, -1234.5678, 1e7])
def test_flat_channel_is_nan_and_never_minus_infinity(level: float) -> None:
    assert np.isnan(differential_entropy(np.full((256, 2), level), 256.0)).all()


def test_bands_without_power_are_nan_beside_one_that_has_it() -> None:
    t_s = np.arange(1000) / 250.0

    values = differential_entropy(np.sin(2 * np.pi * 10.0 * t_s)[:, None], 250.0)[0]

    assert np.isfinite(values).tolist() == [False, False, True, False, False]


def test_no_channels_is_no_rows() -> None:
    assert differential_entropy(np.empty((256, 0)), 256.0).shape == (0, 5)


@pytest.mark.parametrize(
    ("shape", "rate_hz", "message"),
    [
        ((256, 2), 99.0, "got 99.0 Hz, expected at least 100 Hz"),
        ((256, 2), np.nan, "got nan Hz"),
        ((255, 2), 256.5, "255 samples at 256.5 Hz, expected at least 257.*one second"),
        ((0, 2), 256.0, "0 samples at 256 Hz"),
        ((256,), 256.0, re.escape("x[:, None]")),
        ((256, 2, 2), 256.0, "n_samples, n_channels"),
    ],
)
def test_refuses_what_it_cannot_resolve(
    shape: tuple[int, ...], rate_hz: float, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        differential_entropy(np.ones(shape), rate_hz)


def test_plan_refuses_a_transposed_window() -> None:
    with pytest.raises(InvalidInputError, match="transposed"):
        DifferentialEntropy(256.0, 256)(np.ones((4, 256)))


def test_spec_names_channel_by_channel_and_back() -> None:
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5, smoothing=Smoothing())

    assert spec.label == "hadua-de/1"
    assert len(spec.names) == 310
    assert spec.names[:6] == (*(f"FP1:{b.name}" for b in BANDS), "FPZ:delta")
