"""Band power by region: right in microvolts squared, of measured channels alone, and unsmoothed."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.signal
from support.eeg_signals import chunks, eeg_stream
from support.quality_rates import EEG, windows

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.band_power import HEAD, BandPower, band_power, region_of
from hadua.adapters.features.eeg_definitions import EEG_DEFINITIONS
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.seed_entropy import seed_feature_spec
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray, Smoothing

RATE_HZ = 200.0
CHANNELS = ("TP9", "AF7", "AF8", "TP10")
STREAM = eeg_stream(*CHANNELS, rate_hz=RATE_HZ)
MakeSpec = Callable[..., FeatureSpec]
EVERY_DEFINITION = pytest.mark.parametrize("make_spec", [eeg_feature_spec, seed_feature_spec])


def spec_of(make_spec: MakeSpec, *, smoothing: Smoothing | None = None) -> FeatureSpec:
    return make_spec(CHANNELS, window_s=1.0, hop_s=1.0, smoothing=smoothing)


def measured(x_uv: FloatArray, spec: FeatureSpec) -> list[BandPower]:
    """The power of every window of a signal `(n_samples, 4)`."""
    extractor = EegExtractor(STREAM, spec)
    t_s = np.arange(len(x_uv)) / RATE_HZ
    found = [band_power(w) for c in chunks(STREAM, t_s, x_uv) for w in extractor.push(c)]
    assert found
    return [power for power in found if power is not None]


def noise(seconds: float = 60.0, *, sd_uv: float = 10.0, seed: int = 1) -> FloatArray:
    """Independent noise without hum: what is above 50 Hz would be told as bad contact."""
    rng = np.random.default_rng(seed)
    low = scipy.signal.butter(8, 60.0, fs=RATE_HZ, output="sos")
    white = rng.standard_normal((round(seconds * RATE_HZ), 4))
    return np.asarray(sd_uv * scipy.signal.sosfilt(low, white, axis=0))


def of_head(powers: list[BandPower]) -> FloatArray:
    return np.array([power.power_uv2[HEAD] for power in powers])


@EVERY_DEFINITION
def test_level_noise_has_the_power_that_scipy_finds_in_each_band(make_spec: MakeSpec) -> None:
    x_uv = noise()
    spec = spec_of(make_spec)
    ranges_hz = EEG_DEFINITIONS[spec.label].ranges_hz
    freqs_hz, density = scipy.signal.welch(x_uv, RATE_HZ, nperseg=2000, axis=0)
    expected = [
        density[(freqs_hz >= low) & (freqs_hz < high)].mean() * (high - low)
        for low, high in ranges_hz
    ]

    # One window is noisy and its median lies below its mean: less so the more bins there are.
    found = of_head(measured(x_uv, spec)).mean(axis=0)

    np.testing.assert_allclose(found[1:], expected[1:], rtol=0.2)
    assert found[0] == pytest.approx(expected[0], rel=0.45)


@EVERY_DEFINITION
def test_twice_the_signal_is_four_times_the_power(make_spec: MakeSpec) -> None:
    one, two = (of_head(measured(k * noise(5.0), spec_of(make_spec))) for k in (1.0, 2.0))

    np.testing.assert_allclose(two, 4.0 * one, rtol=1e-9)


def test_a_rhythm_of_ten_hertz_is_alpha_of_half_its_amplitude_squared() -> None:
    t_s = np.arange(1000) / RATE_HZ
    x_uv = noise(5.0, sd_uv=0.5) + 20.0 * np.sin(2.0 * np.pi * 10.0 * t_s)[:, None]

    power = measured(x_uv, spec_of(eeg_feature_spec))[-1]

    alpha = power.bands.index("alpha")
    assert power.power_uv2[HEAD][alpha] == pytest.approx(200.0, rel=0.05)
    assert int(np.argmax(power.power_uv2[HEAD])) == alpha


@EVERY_DEFINITION
def test_smoothing_does_not_make_it_slow(make_spec: MakeSpec) -> None:
    x_uv = noise(20.0)
    x_uv[2000:] *= 5.0

    plain = measured(x_uv, spec_of(make_spec))
    smoothed = measured(x_uv, spec_of(make_spec, smoothing=Smoothing()))

    np.testing.assert_array_equal(of_head(smoothed), of_head(plain))


def test_only_channels_that_were_measured_are_counted() -> None:
    power = band_power(windows(EEG, seconds=8.0, faults="railed:CZ@2;flat:O1@2")[-1])

    assert power is not None
    assert dict(power.channels) == {
        "head": 60,
        "frontal": 14,
        "central": 20,
        "temporal": 6,
        "parietal": 9,
        "occipital": 11,
    }


def test_the_power_of_a_region_is_the_median_of_its_channels() -> None:
    """Of an even number of them and of an odd one, to the last bit as numpy has it."""
    window = windows(EEG, seconds=3.0)[-1]
    spec, found = window.spec, band_power(window)
    assert found is not None
    values = window.values if window.alone is None else window.alone
    own_uv2 = EEG_DEFINITIONS[spec.label].power_uv2(values.reshape(-1, 5), spec.window_s)
    of = np.array([region_of(name.split(":")[0]) for name in spec.names[::5]])

    assert {n % 2 for n in found.channels.values()} == {0, 1}
    for region, power_uv2 in found.power_uv2.items():
        mine = own_uv2 if region == HEAD else own_uv2[of == region]
        np.testing.assert_array_equal(power_uv2, np.median(mine, axis=0))


def test_a_region_without_a_channel_has_no_number() -> None:
    power = measured(noise(3.0), spec_of(eeg_feature_spec))[-1]

    assert (power.channels["frontal"], power.channels["temporal"]) == (2, 2)
    assert power.channels["occipital"] == 0
    assert np.isnan(power.power_uv2["occipital"]).all()


def test_a_window_without_signal_has_none() -> None:
    spec = spec_of(eeg_feature_spec)

    assert band_power(FeatureWindow.absent(spec, start_s=0.0, end_s=1.0, reason="eeg: gap")) is None


def test_every_channel_of_the_montage_lies_in_a_region() -> None:
    assert {region_of(channel) for channel in SEED_62} == {
        *("frontal", "central", "temporal", "parietal", "occipital")
    }
    assert [region_of(name) for name in ("AFz", "Iz", "T9", "EXG1", "1")] == [
        *("frontal", "occipital", "temporal", None, None)
    ]
