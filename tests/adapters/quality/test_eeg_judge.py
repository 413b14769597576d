"""Each measure against what it says it measures, and what depends on what."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import noise

from hadua.adapters.quality.eeg_judge import EegJudge, Verdict
from hadua.models.features import FloatArray
from hadua.models.quality import EEG_FLAGS, Flag

RATES = [125.0, 128.0, 256.0, 500.0, 1000.0, 2048.0]
at_every_rate = pytest.mark.parametrize("rate_hz", RATES)


def judge(x: FloatArray, rate_hz: float = 256.0, *, leaking: float | None = 50.0) -> Verdict:
    names = tuple(f"E{i}" for i in range(x.shape[1]))  # without a place on the head
    found = EegJudge(names, rate_hz=rate_hz, n_samples=len(x), leaking_hz=leaking)
    x = np.ascontiguousarray(x.T).T
    with np.errstate(invalid="ignore"):
        return found(x, np.fft.rfft(x.T, axis=1))


def flags(verdict: Verdict, channel: int = 0) -> set[Flag]:
    return {EEG_FLAGS[i] for i in np.flatnonzero(verdict.flags[channel])}


def eeg(rate_hz: float, seconds: float = 1.0, *, columns: int = 2, seed: int = 0) -> FloatArray:
    """Noise of 12 uV with a spectrum like 1/f, without mains and with little above 45 Hz."""
    n = round(rate_hz * (seconds + 4.0))
    rng = np.random.default_rng(seed)
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    spectrum = rng.standard_normal((2, len(hz), columns)).view(np.float64)
    shaped = (spectrum[0] + 1j * spectrum[1]) / np.maximum(hz, 1.0)[:, None]
    x = np.fft.irfft(shaped * (hz > 0.3)[:, None], n, axis=0)[: round(rate_hz * seconds)]
    return np.asarray(12.0 * x / x.std())


@at_every_rate
def test_plain_eeg_is_good(rate_hz: float) -> None:
    for seed in range(20):
        verdict = judge(eeg(rate_hz, seed=seed), rate_hz)
        assert not verdict.bad.any()
        assert not verdict.noisy.any()
        assert not verdict.flags.any()


@at_every_rate
@pytest.mark.parametrize("hum_hz", [50.0, 60.0])
def test_hum_is_measured_as_it_is(rate_hz: float, hum_hz: float) -> None:
    x = eeg(rate_hz)
    t_s = np.arange(len(x)) / rate_hz
    x[:, 0] += 40.0 * np.sin(2 * np.pi * hum_hz * t_s + 0.3)

    verdict = judge(x, rate_hz)

    if hum_hz + 2.0 < 0.5 * rate_hz:
        assert verdict.numbers["line_uv"][0] == pytest.approx(40.0, rel=0.08)
        assert flags(verdict) == {Flag.LINE}
        assert verdict.noisy.tolist() == [True, False]
        # Hum of 60 Hz does not reach a band that ends at 50: the channel is used.
        assert verdict.bad.tolist() == [hum_hz == 50.0, False]


def test_hum_that_a_notch_takes_out_does_not_leak() -> None:
    x = eeg(256.0)
    x[:, 0] += 40.0 * np.sin(2 * np.pi * 50.0 * np.arange(256) / 256.0)

    assert judge(x, leaking=50.0).bad.tolist() == [True, False]
    assert judge(x, leaking=None).bad.tolist() == [False, False]
    assert judge(x + 6.0 * (x - eeg(256.0)), leaking=None).bad.tolist() == [True, False]


@at_every_rate
@pytest.mark.parametrize("noise_uv", [2.0, 4.0, 6.5, 12.0])
def test_noise_is_told_by_its_density_whatever_the_rate(rate_hz: float, noise_uv: float) -> None:
    """White noise that has `noise_uv` in 19 Hz, on EEG that has next to none up there."""
    n = round(rate_hz * 8.0)
    density = noise_uv**2 / 19.0
    white = np.random.default_rng(1).standard_normal((n, 1)) * np.sqrt(density * 0.5 * rate_hz)

    verdict = judge(white, rate_hz)

    assert verdict.numbers["noise_uv"][0] == pytest.approx(noise_uv, rel=0.15)
    assert (Flag.NOISE in flags(verdict)) is (noise_uv > 5.0)


def test_noise_agrees_with_a_periodogram() -> None:
    x = noise(1000, columns=3)
    hz, power = scipy.signal.periodogram(x, 1000.0, window="hann", axis=0)
    kept = (hz >= 52.0) & (hz < 118.0) & ~((hz >= 98.0) & (hz <= 102.0)) & ~(np.abs(hz - 60) <= 2)
    kept &= np.abs(hz - 50.0) > 2.0

    verdict = judge(x, 1000.0)

    expected = np.sqrt(19.0 * power[kept].mean(axis=0))
    np.testing.assert_allclose(verdict.numbers["noise_uv"], expected, rtol=1e-9)
    eeg_uv = np.sqrt(power[(hz >= 1.0) & (hz < 45.0)].sum(axis=0))
    np.testing.assert_allclose(verdict.numbers["eeg_uv"], eeg_uv, rtol=1e-9)


@at_every_rate
def test_a_step_is_a_jump_and_a_blink_is_none(rate_hz: float) -> None:
    x = eeg(rate_hz)
    t_s = np.arange(len(x)) / rate_hz
    x[t_s >= 0.4, 0] += 600.0
    blink = np.clip((t_s - 0.3) / 0.06, 0.0, 1.0) * np.clip((0.6 - t_s) / 0.15, 0.0, 1.0)
    x[:, 1] += 200.0 * np.sin(0.5 * np.pi * blink)

    verdict = judge(x, rate_hz)

    assert Flag.JUMP in flags(verdict, 0)
    assert flags(verdict, 1) == set()


@at_every_rate
@pytest.mark.parametrize("level", [0.0, 250.0, -187_500.0])
@pytest.mark.parametrize("share", [0.25, 1.0])
def test_what_stands_still_is_flat_or_at_the_rail(
    rate_hz: float, level: float, share: float
) -> None:
    x = eeg(rate_hz, columns=3)
    x[: round(share * len(x)), 1] = level

    verdict = judge(x, rate_hz)

    assert verdict.bad.tolist() == [False, True, False]
    at_rail = abs(level) >= 1000.0 or (abs(level) >= 250.0 and share < 1.0)
    assert (Flag.RAILED in flags(verdict, 1)) is at_rail
    assert (Flag.FLAT in flags(verdict, 1)) is not at_rail


def test_a_signal_whose_peaks_are_cut_off_is_railed() -> None:
    x = 30.0 * eeg(256.0) / 12.0
    x[:, 0] = np.clip(x[:, 0], -35.0, 35.0)

    verdict = judge(x)

    assert verdict.numbers["clipped_share"][0] > 0.05
    assert Flag.RAILED in flags(verdict)
    assert flags(verdict, 1) == set()


def test_coarse_steps_of_a_headband_are_no_rail() -> None:
    """A Muse has steps of 0.49 uV, so quiet EEG meets its highest value more than once."""
    for seed in range(30):
        x = np.round(eeg(256.0, seed=seed) / 3.0 / 0.49) * 0.49
        assert not judge(x).bad.any()


@given(
    channel=st.integers(0, 3),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    start=st.integers(0, 255),
    length=st.integers(1, 256),
)
@settings(max_examples=40, deadline=None)
def test_what_is_not_finite_is_bad_and_touches_nobody_else(
    channel: int, value: float, start: int, length: int
) -> None:
    x = eeg(256.0, columns=4)
    clean = judge(x)
    x[start : start + length, channel] = value

    verdict = judge(x)

    assert flags(verdict, channel) == {Flag.NOT_FINITE}
    others = [k for k in range(4) if k != channel]
    np.testing.assert_array_equal(verdict.flags[others], clean.flags[others])
    for name, numbers in verdict.numbers.items():
        np.testing.assert_array_equal(numbers[others], clean.numbers[name][others])


@given(
    rate_hz=st.sampled_from(RATES),
    fault=st.sampled_from(["none", "nan", "flat", "rail", "jump", "hum", "noise"]),
    start=st.floats(0.0, 0.99),
    length=st.floats(0.01, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_to_begin_before_the_end_is_there_changes_nothing(
    rate_hz: float, fault: str, start: float, length: float
) -> None:
    """Whatever stands where the samples to come will be."""
    x = np.ascontiguousarray(eeg(rate_hz, columns=3).T).T
    at = slice(int(start * len(x)), int((start + length) * len(x)) + 1)
    t_s = np.arange(len(x)) / rate_hz
    x[at, 1] = {
        "none": x[:, 1],
        "nan": np.full(len(x), np.nan),
        "flat": np.full(len(x), 3.0),
        "rail": np.full(len(x), 187_500.0),
        "jump": x[:, 1] + 5e3,
        "hum": x[:, 1] + 400.0 * np.sin(2 * np.pi * 50.0 * t_s),
        "noise": x[:, 1] + 60.0 * np.random.default_rng(0).standard_normal(len(x)),
    }[fault][at]
    judge = EegJudge(("a", "b", "c"), rate_hz=rate_hz, n_samples=len(x), leaking_hz=50.0)
    early = np.full((3, len(x)), np.nan).T
    early[: judge.n_head] = x[: judge.n_head]
    with np.errstate(invalid="ignore"):
        spectrum = np.fft.rfft(x.T, axis=1)
        head = judge.begin(early[: judge.n_head])
        begun, whole = judge(x, spectrum, head), judge(x, spectrum)

    np.testing.assert_array_equal(begun.flags, whole.flags)
    np.testing.assert_array_equal(begun.bad, whole.bad)
    for name, numbers in whole.numbers.items():
        np.testing.assert_array_equal(begun.numbers[name], numbers)


@given(seed=st.integers(0, 1000), offset=st.floats(-1e4, 1e4))
@settings(max_examples=25, deadline=None)
def test_an_offset_changes_nothing(seed: int, offset: float) -> None:
    x = eeg(250.0, seed=seed)

    a, b = judge(x, 250.0), judge(x + offset, 250.0)

    np.testing.assert_array_equal(a.flags, b.flags)
    for name in ("eeg_uv", "line_uv", "noise_uv", "jump_uv_per_ms"):
        np.testing.assert_allclose(a.numbers[name], b.numbers[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 16])
def test_the_shortest_windows(n: int) -> None:
    verdict = judge(noise(max(n, 4), columns=2), 4.0)

    assert verdict.bad.shape == (2,)
