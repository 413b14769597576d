from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import MUSE_RATE_HZ, read_muse

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.seed_entropy import SeedEntropy, seed_feature_spec
from hadua.models.errors import FeatureMismatchError, InvalidInputError
from hadua.models.features import FloatArray, Smoothing

EDGES_HZ = ((1, 4), (4, 8), (8, 14), (14, 31), (31, 49))


def published(x_uv: FloatArray) -> FloatArray:
    """The formula as its authors compute it, at 200 Hz, by scipy."""
    windowed = x_uv * scipy.signal.get_window("hann", len(x_uv), fftbins=False)[:, None]
    power = np.abs(scipy.fft.fft(windowed, n=256, axis=0)) ** 2
    rows = [power[int(f / 200 * 256) - 1 : int(g / 200 * 256)].mean(axis=0) for f, g in EDGES_HZ]
    return np.log2(100.0 * np.stack(rows, axis=1))


def noise(n: int, *, columns: int = 3, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((n, columns)) * 20.0


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(200, 1000),
    seed=st.integers(0, 99),
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-50.0, 50.0),
)
def test_equals_the_published_formula(n: int, seed: int, gain: float, offset: float) -> None:
    x = gain * (noise(n, seed=seed) + offset)

    np.testing.assert_allclose(SeedEntropy(200.0, n)(x), published(x), rtol=0.0, atol=1e-9)


def test_equals_the_published_formula_on_a_real_recording(recordings: Path) -> None:
    _, raw = read_muse(recordings)
    x = scipy.signal.resample_poly(raw, 200, int(MUSE_RATE_HZ), axis=0)
    measure = SeedEntropy(200.0, 800)
    for start in range(0, len(x) - 800, 1600):
        block = x[start : start + 800]
        np.testing.assert_allclose(measure(block), published(block), rtol=0.0, atol=1e-9)


@cache
def measures(rate_hz: float) -> SeedEntropy:
    """For windows of 2 s."""
    return SeedEntropy(rate_hz, round(2.0 * rate_hz))


@settings(deadline=None)
@given(k=st.floats(1e-4, 1e4), rate_hz=st.sampled_from([128.0, 200.0, 256.0, 1000.0]))
def test_k_times_the_signal_is_log2_of_k_squared_more(k: float, rate_hz: float) -> None:
    measure = measures(rate_hz)
    x = noise(round(2.0 * rate_hz))

    np.testing.assert_allclose(measure(k * x) - measure(x), 2.0 * np.log2(k), atol=1e-9)


def band_limited(rate_hz: float, *, length_s: float = 40.0) -> FloatArray:
    """The same signal below 60 Hz at any rate, by its Fourier series."""
    rng = np.random.default_rng(3)
    f_hz = np.arange(4, round(60 * length_s)) / length_s
    a, b = rng.standard_normal((2, len(f_hz))) / f_hz
    spectrum = np.zeros(round(length_s * rate_hz) // 2 + 1, np.complex128)
    spectrum[4 : 4 + len(f_hz)] = a + 1j * b
    return np.asarray(np.fft.irfft(spectrum * rate_hz, round(length_s * rate_hz))[:, None])


def windows(rate_hz: float, window_s: float) -> FloatArray:
    n, x = round(window_s * rate_hz), band_limited(rate_hz)
    measure = SeedEntropy(rate_hz, n)
    starts = [round(second * rate_hz) for second in range(0, 36, 2)]
    return np.concatenate([measure(x[s : s + n]) for s in starts])


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 256.0, 500.0, 1000.0, 2048.0])
@pytest.mark.parametrize("window_s", [1.0, 2.0, 4.0])
def test_any_rate_gives_what_200_hz_gives(rate_hz: float, window_s: float) -> None:
    there = windows(200.0, window_s)

    np.testing.assert_allclose(windows(rate_hz, window_s), there, rtol=0.0, atol=0.003)
    assert there.std(axis=0).min() > 0.3


def test_what_is_above_100_hz_does_not_come_back_below() -> None:
    t_s = np.arange(4000) / 1000.0
    x = band_limited(1000.0)[:4000]
    hiss = 30.0 * np.sin(2.0 * np.pi * 173.0 * t_s)[:, None]
    measure = SeedEntropy(1000.0, 4000)

    np.testing.assert_allclose(measure(x + hiss), measure(x), rtol=0.0, atol=0.05)


def test_only_the_first_1280_ms_of_a_longer_window_count() -> None:
    x = noise(800)
    changed = x.copy()
    changed[256:] = -7.0

    np.testing.assert_array_equal(SeedEntropy(200.0, 800)(changed), SeedEntropy(200.0, 800)(x))
    changed[255] += 5.0
    assert (SeedEntropy(200.0, 800)(changed) != SeedEntropy(200.0, 800)(x)).all()


def test_channels_do_not_see_each_other_and_memory_order_does_not_matter() -> None:
    x = noise(800, columns=62)
    measure = SeedEntropy(200.0, 800)
    spoilt = x.copy()
    spoilt[700, 5] = np.nan
    spoilt[100, 6] = np.inf
    spoilt[:, 7] = 0.0

    got = measure(np.asfortranarray(spoilt))

    assert np.isnan(got[[5, 6, 7]]).all()
    others = [i for i in range(62) if i not in (5, 6, 7)]
    np.testing.assert_array_equal(got[others], measure(x)[others])


@pytest.mark.parametrize(
    ("rate_hz", "n", "message"),
    [
        (90.0, 400, "at least 98 Hz"),
        (float("nan"), 400, "sampling rate"),
        (200.0, 150, r"got 150 samples at 200 Hz, expected at least 200"),
    ],
)
def test_what_it_cannot_resolve_is_refused(rate_hz: float, n: int, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SeedEntropy(rate_hz, n)


def test_a_transposed_window_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"got shape \(62, 800\).*transposed"):
        SeedEntropy(200.0, 800)(np.ones((62, 800)))


def test_the_spec_names_channel_by_channel() -> None:
    spec = seed_feature_spec(SEED_62, window_s=4.0, hop_s=4.0, smoothing=Smoothing())

    assert spec.label == "seed-de/1"
    assert spec.names[4:6] == ("FP1:gamma", "FPZ:delta")
    assert len(spec.names) == 310
    assert spec.smoothing == Smoothing()


def test_features_of_the_other_definition_are_refused_with_both_names() -> None:
    ours = eeg_feature_spec(SEED_62, window_s=4.0, hop_s=4.0)
    theirs = seed_feature_spec(SEED_62, window_s=4.0, hop_s=4.0)

    with pytest.raises(FeatureMismatchError, match=r"got seed-de/1 .* expected hadua-de/1 "):
        ours.require(theirs, where="bundle 'b'")
    with pytest.raises(FeatureMismatchError, match=r"got hadua-de/1 .* expected seed-de/1 "):
        theirs.require(ours, where="bundle 'b'")
