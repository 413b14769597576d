"""Cleaning as the extractor does it: any chunking, any rate, nothing beyond the window."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import chunks, eeg_stream, noise, read_muse

from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.seed_entropy import seed_feature_spec
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.cleaning import Cleaning, Reference
from hadua.models.errors import InvalidInputError
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray
from hadua.models.quality import EegQuality

CHANNELS = ("TP9", "AF7", "AF8", "TP10")
FULL = Cleaning(rate_hz=200.0, notch_hz=50.0, high_pass_hz=0.5, reference=Reference.AVERAGE)
PLAIN = eeg_feature_spec(CHANNELS, window_s=1.0, hop_s=0.5)


def cleaned(cleaning: Cleaning | None, spec: FeatureSpec = PLAIN) -> FeatureSpec:
    return replace(spec, cleaning=cleaning)


def run(
    x: FloatArray,
    rate_hz: float,
    spec: FeatureSpec,
    *,
    true_hz: float | None = None,
    labels: Sequence[str] = CHANNELS,
) -> list[FeatureWindow]:
    stream = eeg_stream(*labels, rate_hz=rate_hz)
    t_s = 20.0 + np.arange(len(x)) / (true_hz or rate_hz)
    extractor = EegExtractor(stream, spec)
    return [w for c in chunks(stream, t_s, x) for w in extractor.push(c)]


def table(windows: Sequence[FeatureWindow]) -> FloatArray:
    """`(n_windows, n_channels, 5)`."""
    return np.array([w.values for w in windows]).reshape(len(windows), -1, 5)


def rough(n: int, columns: int = 4, *, seed: int = 0) -> FloatArray:
    """Noise with the falling spectrum of EEG, in tens of microvolts."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((n, columns)) * 8.0
    return np.asarray(scipy.signal.lfilter([1.0], [1.0, -0.9], white, axis=0))


@given(cuts=st.lists(st.integers(0, 1800), max_size=20), hole=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_features_do_not_depend_on_chunking(cuts: list[int], hole: int) -> None:
    stream = eeg_stream(*CHANNELS, rate_hz=256.0)
    x = noise(1800, columns=4)
    t_s = np.arange(1800) / 255.9
    t_s[hole:] += 0.7
    edges = sorted({0, 1800, *cuts})
    extractor = EegExtractor(stream, cleaned(FULL))

    out: list[FeatureWindow] = []
    for a, b in pairwise(edges):
        out += extractor.push(SampleChunk(stream, t_s[a:b].copy(), x[a:b].copy()))

    whole = EegExtractor(stream, cleaned(FULL)).push(SampleChunk(stream, t_s.copy(), x.copy()))
    assert [w.end_s for w in out] == [w.end_s for w in whole]
    np.testing.assert_array_equal(table(out), table(whole))


@pytest.mark.parametrize("rate_hz", [500.0, 1000.0, 2048.0])
def test_a_bundle_of_200_hz_gets_the_same_features_at_every_rate(rate_hz: float) -> None:
    """Signal below 60 Hz, and strong noise above 140 Hz that must not be folded onto it."""
    n = int(rate_hz * 12)
    slow = scipy.signal.butter(8, 60.0, fs=rate_hz, output="sos")
    x = scipy.signal.sosfiltfilt(slow, rough(n), axis=0)
    fast = scipy.signal.butter(8, 140.0, "high", fs=rate_hz, output="sos")
    hiss = scipy.signal.sosfiltfilt(fast, noise(n, columns=4, seed=9), axis=0)
    at_200 = scipy.signal.resample_poly(x, 200, int(rate_hz), axis=0)
    spec = cleaned(Cleaning(rate_hz=200.0))

    here = {w.end_s: w.values for w in run(at_200, 200.0, spec)}
    there = run(x + hiss, rate_hz, spec)

    assert len(there) == len(here) - 2  # the first and the last lack what the filter reaches for
    for w in there[1:-1]:
        np.testing.assert_allclose(w.values, here[w.end_s], atol=0.03)


def test_entropy_of_a_spectrum_needs_no_resampling(recordings: Path) -> None:
    """Why `hadua-de/1` is measured at the device's rate: the bands are the same at any."""
    _, x = read_muse(recordings, session=9)
    x = x[: 256 * 40, :4]

    plain = table(run(x, 256.0, PLAIN))

    faster = scipy.signal.resample(x, 4 * len(x), axis=0)
    difference = (table(run(faster, 1024.0, PLAIN)) - plain)[2:-2]
    assert np.sqrt((difference**2).mean()) < 0.003
    resampled = {w.end_s: w for w in run(x, 256.0, cleaned(Cleaning(rate_hz=200.0)))}
    ends = [w.end_s for w in run(x, 256.0, PLAIN)]
    rows = [i for i, end_s in enumerate(ends) if end_s in resampled][1:-1]
    again = table([resampled[ends[i]] for i in rows])
    assert np.sqrt(((again - plain[rows]) ** 2).mean()) < 0.003


def test_windows_that_are_resampled_come_later_and_say_so() -> None:
    stream = eeg_stream(*CHANNELS, rate_hz=250.0)
    extractor = EegExtractor(stream, cleaned(Cleaning(rate_hz=200.0)))
    t_s = np.arange(750) / 250.0
    came_s = []
    for i in range(len(t_s)):
        part = SampleChunk(stream, t_s[i : i + 1].copy(), noise(1, columns=4, seed=i))
        came_s += [(w.end_s, t_s[i]) for w in extractor.push(part)]
        watermark_s = extractor.watermark_s
        assert watermark_s is not None
        # No window that ends at or before the watermark is still to come, and none was early.
        assert all(end_s <= watermark_s + 0.5 / 250.0 for end_s, _ in came_s[-1:])
        assert not any(
            end_s <= watermark_s and end_s not in {e for e, _ in came_s}
            for end_s in (1.5, 2.0, 2.5)
        )

    assert [end_s for end_s, _ in came_s] == [1.5, 2.0, 2.5]
    for end_s, at_s in came_s:
        assert 0.040 < at_s - end_s < 0.052


def test_hum_of_any_strength_leaves_the_features_of_the_signal_without_it() -> None:
    n = 256 * 10
    x = rough(n)
    hum = np.sin(2 * np.pi * 50.03 * np.arange(n) / 256.0)[:, None] * np.array([5, 30, 80, 0.0])
    spec = cleaned(Cleaning(notch_hz=50.0))

    np.testing.assert_allclose(
        table(run(x + hum, 256.0, spec)), table(run(x, 256.0, spec)), atol=0.05
    )
    # Without the notch, what would spoil gamma is not used.
    for w in run(x + hum, 256.0, PLAIN):
        assert isinstance(w.signal, EegQuality)
        assert set(w.signal.bad_names) >= {"AF7", "AF8"}
        assert re.search(r"channel 'AF7' has (2[7-9]|3[0-3]) uV of mains hum", w.reason)


def test_what_all_channels_share_goes_with_the_average() -> None:
    x, shared = rough(2000), rough(2000, 1, seed=5)
    spec = cleaned(Cleaning(reference=Reference.AVERAGE))

    np.testing.assert_allclose(
        table(run(x + 1.5 * shared, 256.0, spec)), table(run(x, 256.0, spec)), atol=1e-6
    )


def test_a_bad_channel_is_no_part_of_the_average() -> None:
    x = rough(1024)
    spec = cleaned(Cleaning(reference=Reference.AVERAGE))
    x[300:400, 1] = np.nan
    good = [0, 2, 3]
    spec_of_good = replace(
        eeg_feature_spec(tuple(CHANNELS[i] for i in good), window_s=1.0, hop_s=0.5),
        cleaning=spec.cleaning,
    )

    with_bad = run(x, 256.0, spec)
    without = run(x[:, good], 256.0, spec_of_good, labels=[CHANNELS[i] for i in good])

    hit = [w.start_s < 20.0 + 400 / 256.0 and w.end_s > 20.0 + 300 / 256.0 for w in with_bad]
    assert any(hit)
    for bad, a, b in zip(hit, with_bad, without, strict=True):
        if bad:
            np.testing.assert_allclose(a.values.reshape(4, 5)[good], b.values.reshape(3, 5))
            assert np.isnan(a.values.reshape(4, 5)[1]).all()


@pytest.mark.parametrize("cleaning", [FULL, replace(FULL, rate_hz=None), None])
def test_a_window_is_a_function_of_its_own_samples(cleaning: Cleaning | None) -> None:
    """A blow to one stretch leaves every window that has none of it as it was, bit for bit."""
    x = rough(256 * 12)
    hit = x.copy()
    hit[256 * 5 : 256 * 5 + 40] += 5e4
    start_s, end_s = 25.0, 25.0 + 40 / 256.0
    reach_s = 0.05 if cleaning is not None and cleaning.rate_hz else 0.0

    for a, b in zip(
        run(x, 256.0, cleaned(cleaning)), run(hit, 256.0, cleaned(cleaning)), strict=True
    ):
        apart = a.end_s + reach_s <= start_s or a.start_s - reach_s >= end_s
        assert np.array_equal(a.values, b.values) is apart


@pytest.mark.parametrize("spec", [PLAIN, seed_feature_spec(CHANNELS, window_s=2.0, hop_s=0.5)])
def test_every_definition_can_be_cleaned(spec: FeatureSpec) -> None:
    out = run(rough(256 * 6), 256.0, cleaned(FULL, spec))

    assert len(out) > 5
    assert all(w.present.all() for w in out)
    assert all(w.spec.cleaning == FULL for w in out)


@pytest.mark.parametrize(
    ("rate_hz", "cleaning", "match"),
    [
        (110.0, Cleaning(rate_hz=200.0), "at least 125 Hz each"),
        (256.0, Cleaning(rate_hz=110.0), "at least 125 Hz each"),
        (110.0, Cleaning(notch_hz=60.0), "mains below half of the sampling rate"),
    ],
)
def test_refuses_a_stream_that_is_too_slow(rate_hz: float, cleaning: Cleaning, match: str) -> None:
    stream: StreamSpec = eeg_stream(*CHANNELS, rate_hz=rate_hz)
    with pytest.raises(InvalidInputError, match=match):
        EegExtractor(stream, cleaned(cleaning))
