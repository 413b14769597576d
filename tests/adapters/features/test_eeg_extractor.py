from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import MUSE_LABELS, MUSE_RATE_HZ, chunks, eeg_stream, noise, read_muse

from hadua.adapters.devices.electrodes import electrode_positions
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.eeg_entropy import (
    BANDS,
    differential_entropy,
    eeg_feature_spec,
)
from hadua.adapters.features.eeg_extractor import FORGOTTEN_S, EegExtractor
from hadua.adapters.features.extractor import Extractor
from hadua.adapters.features.smoothing import CausalKalman
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.errors import InvalidInputError, StreamInvalidError
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray, Smoothing

MUSE = eeg_stream(*MUSE_LABELS)
CHANNELS = ("TP9", "AF7", "AF8", "TP10")
RAW = eeg_feature_spec(CHANNELS, window_s=1.0, hop_s=0.5)
SMOOTH = eeg_feature_spec(CHANNELS, window_s=1.0, hop_s=0.5, smoothing=Smoothing())


def run(
    x: FloatArray, *, stream: StreamSpec = MUSE, spec: FeatureSpec = RAW, t0_s: float = 0.0
) -> list[FeatureWindow]:
    extractor = EegExtractor(stream, spec)
    t_s = t0_s + np.arange(len(x)) / stream.rate_hz
    return [w for c in chunks(stream, t_s, x) for w in extractor.push(c)]


def assert_same(a: list[FeatureWindow], b: list[FeatureWindow]) -> None:
    assert [(w.start_s, w.end_s, w.quality, w.reason) for w in a] == [
        (w.start_s, w.end_s, w.quality, w.reason) for w in b
    ]
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left.values, right.values)
        np.testing.assert_array_equal(left.present, right.present)


def test_meets_the_protocol() -> None:
    assert isinstance(EegExtractor(MUSE, RAW), Extractor)


def test_real_muse_windows_are_the_entropy_of_their_samples(recordings: Path) -> None:
    t_s, x = read_muse(recordings, session=9)
    extractor = EegExtractor(MUSE, RAW)

    out = [w for c in chunks(MUSE, t_s, x) for w in extractor.push(c)]

    assert len(out) == 2 * int(t_s[-1] - t_s[0]) - 1 or len(out) == 2 * int(t_s[-1] - t_s[0])
    for w in out:
        assert w.present.all(), w.reason
        assert w.quality == 1.0
        i = int(np.searchsorted(t_s, w.start_s - 0.5 / MUSE_RATE_HZ))
        expected = differential_entropy(x[i : i + 256, :4], MUSE_RATE_HZ)
        np.testing.assert_allclose(w.values.reshape(4, 5), expected, atol=1e-9)


@given(cuts=st.lists(st.integers(0, 1500), max_size=20), hole=st.integers(0, 900))
@settings(max_examples=25, deadline=None)
def test_features_do_not_depend_on_chunking(cuts: list[int], hole: int) -> None:
    x = noise(1500)
    t_s = np.arange(1500) / 256.0
    t_s[hole:] += 0.7
    extractor = EegExtractor(MUSE, SMOOTH)
    edges = sorted({0, 1500, *cuts})

    out = []
    for a, b in pairwise(edges):
        out += extractor.push(SampleChunk(MUSE, t_s[a:b].copy(), x[a:b].copy()))

    whole = EegExtractor(MUSE, SMOOTH).push(SampleChunk(MUSE, t_s.copy(), x.copy()))
    assert_same(out, whole)


@given(
    cut=st.integers(1, 1023),
    fault=st.sampled_from(["none", "nan", "flat", "missing"]),
    rate_hz=st.sampled_from([128.0, 250.0, 500.0]),
)
@settings(max_examples=25, deadline=None)
def test_features_do_not_depend_on_when_a_window_was_begun(
    cut: int, fault: str, rate_hz: float
) -> None:
    """With neighbours, interpolation and all; windows begun ahead against none that was."""
    x = smooth_field(6.0)[:1024]
    labels = SEED_62[:-1] if fault == "missing" else SEED_62
    x = x[:, : len(labels)]
    x[700:900, 7] = {"nan": np.nan, "flat": 5.0}.get(fault, x[700:900, 7])
    stream = eeg_stream(*labels, rate_hz=rate_hz)
    t_s = np.arange(1024) / rate_hz
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5, smoothing=Smoothing())
    late = EegExtractor(stream, spec).push(SampleChunk(stream, t_s, x))

    early, in_time = EegExtractor(stream, spec), []
    for a, b in pairwise(sorted({*range(0, 1024, 16), cut, 1024})):
        in_time += early.push(SampleChunk(stream, t_s[a:b].copy(), x[a:b].copy()))

    assert_same(in_time, late)
    assert len(late) >= 2


def test_the_most_of_a_window_is_done_before_its_last_sample() -> None:
    extractor = EegExtractor(MUSE, RAW)
    x, t_s = noise(256), np.arange(256) / 256.0
    extractor.push(SampleChunk(MUSE, t_s[:200], x[:200]))
    due_s = extractor.begin_due_s
    assert due_s == pytest.approx(240 / 256)
    extractor.push(SampleChunk(MUSE, t_s[200:242], x[200:242]))

    assert extractor.begin_due_s == np.inf
    assert len(extractor.push(SampleChunk(MUSE, t_s[242:], x[242:]))) == 1
    assert extractor.begin_due_s == pytest.approx(due_s + 0.5)


@given(
    rehearsed=st.sets(st.integers(0, 63)),
    fault=st.sampled_from(["none", "nan", "flat"]),
    smoothing=st.sampled_from([None, Smoothing()]),
)
@settings(max_examples=15, deadline=None)
def test_a_rehearsal_changes_nothing(
    rehearsed: set[int], fault: str, smoothing: Smoothing | None
) -> None:
    x = smooth_field(6.0)[:1024]
    x[700:900, 7] = {"nan": np.nan, "flat": 5.0}.get(fault, x[700:900, 7])
    stream, t_s = eeg_stream(*SEED_62, rate_hz=250.0), np.arange(1024) / 250.0
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5, smoothing=smoothing)
    plain, other = EegExtractor(stream, spec), EegExtractor(stream, spec)
    expected, got = [], []
    for k in range(64):
        chunk = SampleChunk(stream, t_s[16 * k : 16 * k + 16], x[16 * k : 16 * k + 16])
        expected += plain.push(chunk)
        got += other.push(chunk)
        if k in rehearsed:
            other.rehearse()

    assert_same(got, expected)
    assert len(got) >= 2


def test_the_last_sample_is_foretold_once_a_window_was_begun() -> None:
    extractor = EegExtractor(MUSE, RAW)
    x, t_s = noise(256), np.arange(256) / 256.0
    extractor.push(SampleChunk(MUSE, t_s[:200], x[:200]))
    assert extractor.last_s == np.inf
    extractor.push(SampleChunk(MUSE, t_s[200:242], x[200:242]))
    assert extractor.last_s == pytest.approx(255 / 256)


def test_smoothing_is_the_causal_filter_over_the_raw_windows() -> None:
    x = noise(2000)
    kalman = CausalKalman(Smoothing(), 20)

    for raw, smooth in zip(run(x), run(x, spec=SMOOTH), strict=True):
        np.testing.assert_array_equal(smooth.values, kalman.update(raw.values, raw.present))


def test_device_order_and_units_do_not_matter() -> None:
    x = noise(1000)
    order = [3, 4, 0, 2, 1]
    millivolts = eeg_stream(*(MUSE_LABELS[i] for i in order), unit="mV")

    for a, b in zip(run(x), run(x[:, order] * 1e-3, stream=millivolts), strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-9)


def test_ten_times_the_signal_is_ln_ten_more() -> None:
    for a, b in zip(run(0.1 * noise(1000)), run(noise(1000)), strict=True):
        np.testing.assert_allclose(b.values - a.values, np.log(10.0), atol=1e-9)


def test_bad_samples_cost_their_channel_in_their_windows_and_the_reason_says_so() -> None:
    x = noise(1024)
    x[300:303, 1] = np.nan

    out = run(x, spec=SMOOTH)

    for w in out:
        hit = w.start_s <= 302 / 256 and w.end_s > 300 / 256
        assert w.present.reshape(4, 5).all(axis=1).tolist() == [True, not hit, True, True]
        assert w.quality == (0.75 if hit else 1.0)
        assert np.isnan(w.values[~w.present]).all()
    reasons = {w.reason for w in out} - {""}
    assert reasons == {"eeg: channel 'AF7' had 3 of 256 samples that are not finite"}


def test_an_artefact_in_a_channel_that_is_not_used_costs_nothing() -> None:
    x = noise(512)
    x[:, 4] = np.nan

    assert all(w.quality == 1.0 and not w.reason for w in run(x))


def test_flat_channels_are_named() -> None:
    x = noise(256)
    x[:, 2] = 812.5

    (w,) = run(x)

    assert w.reason == "eeg: channel 'AF8' is flat"
    assert w.quality == 0.75


def test_many_faults_are_summed_up() -> None:
    (w,) = run(np.zeros((250, 62)), stream=eeg_stream(*SEED_62, rate_hz=250.0),
               spec=eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5))  # fmt: skip

    assert w.reason.endswith("'FP2' is flat; and 59 more channels")
    assert not w.usable


def test_missing_channels_are_absent_with_a_reason_in_every_window() -> None:
    spec = eeg_feature_spec(("AF7", "CZ", "TP9"), window_s=1.0, hop_s=0.5)

    for w in run(noise(600), spec=spec):
        assert w.present.reshape(3, 5).all(axis=1).tolist() == [True, False, True]
        assert w.quality == pytest.approx(2 / 3)
        assert w.reason == "eeg: 1 of 3 channels are not in the stream"


def test_a_stream_that_covers_nothing_gives_absent_windows_on_the_grid() -> None:
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5)

    out = run(noise(600), spec=spec)

    assert [w.end_s for w in out] == [1.0, 1.5, 2.0]
    assert not any(w.usable for w in out)
    assert "0 of the model's 62 EEG channels" in out[0].reason


def test_gap_windows_are_absent_with_the_reason() -> None:
    extractor = EegExtractor(MUSE, SMOOTH)
    t_s = np.arange(1024) / 256.0
    t_s[512:] += 0.25

    out = extractor.push(SampleChunk(MUSE, t_s, noise(1024)))

    assert [w.usable for w in out] == [True] * 3 + [False] * 2 + [True] * 2
    assert out[3].reason == "eeg: samples are missing before 2.250 s (0.254 s)"
    assert out[3].quality == 0.0


@pytest.mark.parametrize(
    ("gap_s", "forgets"), [(1.0, False), (5.0, False), (FORGOTTEN_S + 5.0, True)]
)
def test_smoothing_outlives_a_short_gap_and_not_a_long_one(gap_s: float, forgets: bool) -> None:
    x = noise(2560)
    t_s = np.arange(2560) / 256.0
    t_s[1280:] += gap_s

    smooth = EegExtractor(MUSE, SMOOTH).push(SampleChunk(MUSE, t_s.copy(), x))
    raw = EegExtractor(MUSE, RAW).push(SampleChunk(MUSE, t_s.copy(), x))

    after = next(i for i, w in enumerate(raw) if w.end_s > t_s[1280] and w.usable)
    assert np.array_equal(smooth[after].values, raw[after].values) is forgets
    assert [w.end_s for w in raw] == [w.end_s for w in smooth]


@pytest.mark.parametrize("gap_s", [3.0, 50.0, 600.0])
def test_what_comes_at_once_after_a_gap_is_a_single_window(gap_s: float) -> None:
    extractor = EegExtractor(MUSE, SMOOTH)
    t_s = np.arange(768) / 256.0
    extractor.push(SampleChunk(MUSE, t_s, noise(768)))

    (after,) = extractor.push(SampleChunk(MUSE, np.array([3.0 + gap_s]), noise(1)))

    assert not after.usable
    assert (after.start_s, after.end_s) == (2.5, 3.0 + gap_s)
    assert f"samples are missing before {3.0 + gap_s:.3f} s" in after.reason


def test_watermark_is_the_end_of_the_newest_sample() -> None:
    extractor = EegExtractor(MUSE, RAW)
    seen_s = [extractor.watermark_s]

    for t_s in (np.arange(256) / 256.0 - 1.0, np.array([0.0]), np.empty(0)):
        extractor.push(SampleChunk(MUSE, t_s, noise(len(t_s))))
        seen_s.append(extractor.watermark_s)

    assert seen_s == [None, 0.0, 1 / 256, 1 / 256]


def test_reset_is_as_new() -> None:
    extractor = EegExtractor(MUSE, SMOOTH)
    t_s, x = np.arange(900) / 256.0, noise(900)
    first = extractor.push(SampleChunk(MUSE, t_s.copy(), x.copy()))
    extractor.reset()

    assert extractor.watermark_s is None
    assert_same(extractor.push(SampleChunk(MUSE, t_s.copy(), x.copy())), first)


def test_the_report_is_that_of_the_mapping() -> None:
    extractor = EegExtractor(MUSE, RAW)

    assert extractor.report == map_eeg(MUSE, CHANNELS).report
    assert extractor.report.coverage == 1.0


def test_a_stream_that_came_back_changed_is_refused() -> None:
    changed = eeg_stream(*MUSE_LABELS, rate_hz=220.0)
    chunk = SampleChunk(changed, np.zeros(1), np.zeros((1, 5)))

    with pytest.raises(StreamInvalidError, match=r"changed.*at 220 Hz.*at 256 Hz"):
        EegExtractor(MUSE, RAW).push(chunk)


@pytest.mark.parametrize(
    ("rate_hz", "error", "match"),
    [
        (0.0, StreamInvalidError, "need a sampling rate"),
        (64.0, InvalidInputError, "at least 100 Hz"),
    ],
)
def test_refuses_a_stream_it_cannot_use(rate_hz: float, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        EegExtractor(eeg_stream(*MUSE_LABELS, rate_hz=rate_hz), RAW)


def test_names_are_channel_major() -> None:
    x = np.zeros((256, 5))
    t_s = np.arange(256) / 256.0
    x[:, 1] = 50.0 * np.sin(2 * np.pi * 10.0 * t_s)

    (w,) = run(x)

    assert [n for n, there in zip(RAW.names, w.present, strict=True) if there] == ["AF7:alpha"]
    assert len(RAW.names) == 4 * len(BANDS)


def smooth_field(seconds: float, *, rate_hz: float = 200.0) -> FloatArray:
    """`(n, 62)` that varies slowly over the head, so that a neighbour tells of a neighbour."""
    rng = np.random.default_rng(7)
    places = electrode_positions(SEED_62)
    maps = np.exp(-3.0 * (1.0 - places @ places[::6].T))
    return np.asarray(3.0 * rng.standard_normal((int(seconds * rate_hz), maps.shape[1])) @ maps.T)


def test_channels_that_the_stream_lacks_are_interpolated_and_said() -> None:
    x = smooth_field(3.0)
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5)
    gone = [SEED_62.index(name) for name in ("CZ", "P3")]
    there = [i for i in range(62) if i not in gone]
    whole = run(x, stream=eeg_stream(*SEED_62, rate_hz=200.0), spec=spec)

    stream = eeg_stream(*(SEED_62[i] for i in there), rate_hz=200.0)
    part = run(x[:, there], stream=stream, spec=spec)

    for a, b in zip(whole, part, strict=True):
        assert b.present.all()
        assert 0.99 < b.quality < 1.0
        assert b.reason == "eeg: 2 of 62 channels are interpolated"
        de_a, de_b = a.values.reshape(62, 5), b.values.reshape(62, 5)
        np.testing.assert_array_equal(de_a[there], de_b[there])
        np.testing.assert_allclose(de_a[gone], de_b[gone], atol=0.2)


def test_a_channel_that_goes_flat_is_interpolated_in_its_windows_and_in_no_later_one() -> None:
    x = smooth_field(4.0)
    spec = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5)
    stream, cz = eeg_stream(*SEED_62, rate_hz=200.0), SEED_62.index("CZ")
    good = run(x, stream=stream, spec=spec)
    x[200:420, cz] = 0.0

    out = run(x, stream=stream, spec=spec)

    changed = [not np.array_equal(a.values, b.values) for a, b in zip(good, out, strict=True)]
    assert changed == [100 <= 100 * k < 420 for k in range(len(out))]
    flat = out[2]  # the second from 1.0 s on, all of it flat
    assert flat.present.all()
    assert "channel 'CZ' is flat" in flat.reason
    np.testing.assert_allclose(
        flat.values.reshape(62, 5)[cz], good[2].values.reshape(62, 5)[cz], atol=0.2
    )
