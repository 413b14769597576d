"""A fault changes the windows that hold it, and no later one.

What is measured is a function of the window's own samples: everything else is equal bit for bit to
what it is without the fault. Smoothing is a memory by definition; into it goes nothing of a bad
channel, so afterwards the windows are, bit for bit, the same whatever the fault was.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import eeg_stream
from support.scanpaths import Saccade, scanpath

from hadua.adapters.devices.electrodes import electrode_positions
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.eye_extractor import EyeExtractor
from hadua.adapters.features.eye_movement import EYE_33, eye_feature_spec
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.cleaning import Cleaning, Reference
from hadua.models.features import FeatureSpec, FeatureWindow, FloatArray, Smoothing
from hadua.models.quality import EegQuality

RATE_HZ = 250.0
STREAM = eeg_stream(*SEED_62, rate_hz=RATE_HZ)
RAW = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5)
CLEANED = eeg_feature_spec(
    SEED_62,
    window_s=1.0,
    hop_s=0.5,
    cleaning=Cleaning(notch_hz=50.0, high_pass_hz=0.5, reference=Reference.AVERAGE),
)
SMOOTH = eeg_feature_spec(SEED_62, window_s=1.0, hop_s=0.5, smoothing=Smoothing(q=0.05))
SECONDS = 8.0
Fault = Callable[[FloatArray, FloatArray], FloatArray]


def blink(x: FloatArray, t_s: FloatArray) -> FloatArray:
    phase = (t_s - t_s[0]) / (t_s[-1] - t_s[0] + 1e-9)
    return np.asarray(x + 150.0 * np.sin(np.pi * phase)[:, None] ** 2)


EEG_FAULTS: dict[str, Fault] = {
    "nan": lambda x, _: np.full_like(x, np.nan),
    "inf": lambda x, _: np.full_like(x, np.inf),
    "flat": lambda x, _: np.zeros_like(x),
    "railed": lambda x, _: np.full_like(x, 187_500.0),
    "line": lambda x, t_s: x + 60.0 * np.sin(2 * np.pi * 50.0 * t_s)[:, None],
    "noise": lambda x, _: x + 80.0 * np.random.default_rng(0).standard_normal(x.shape),
    "step": lambda x, _: x + 2000.0,
    "blink": blink,
}


@cache
def eeg() -> FloatArray:
    """8 s of potentials that vary smoothly over the head, with little above 45 Hz."""
    n = int(SECONDS * RATE_HZ)
    rng = np.random.default_rng(4)
    hz = np.fft.rfftfreq(n, 1.0 / RATE_HZ)
    spectrum = (rng.standard_normal((40, len(hz))) + 1j * rng.standard_normal((40, len(hz)))) / (
        np.maximum(hz, 1.0)
    )
    sources = np.fft.irfft(spectrum * (hz > 0.3), n, axis=1)
    places = rng.standard_normal((40, 3))
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    x = (np.exp(-2.5 * (1.0 - electrode_positions(SEED_62) @ places.T)) @ sources).T
    x = 10.0 * x / x.std()
    x.setflags(write=False)
    return np.asarray(x)


@cache
def clean(spec: FeatureSpec) -> tuple[FeatureWindow, ...]:
    return extracted(eeg(), spec)


def extracted(x: FloatArray, spec: FeatureSpec) -> tuple[FeatureWindow, ...]:
    t_s = 50.0 + np.arange(len(x)) / RATE_HZ
    return tuple(EegExtractor(STREAM, spec).push(SampleChunk(STREAM, t_s, x.copy())))


def damaged(kind: str, channels: list[int], start: int, length: int) -> FloatArray:
    x, rows = eeg().copy(), slice(start, start + length)
    t_s = np.arange(len(x))[rows] / RATE_HZ
    x[rows, channels] = EEG_FAULTS[kind](x[rows, channels], t_s)
    return x


def holds(window: FeatureWindow, start: int, length: int) -> bool:
    first = round((window.start_s - 50.0) * RATE_HZ)
    return first < start + length and first + round(RATE_HZ) > start


def same(a: FeatureWindow, b: FeatureWindow) -> bool:
    if not np.array_equal(a.values, b.values, equal_nan=True):
        return False
    if (a.quality, a.reason, a.coverage) != (b.quality, b.reason, b.coverage):
        return False
    assert isinstance(a.signal, EegQuality)
    assert isinstance(b.signal, EegQuality)
    numbers = all(
        np.array_equal(a.signal.numbers[k], b.signal.numbers[k], equal_nan=True)
        for k in a.signal.numbers
    )
    return numbers and np.array_equal(a.signal.flags, b.signal.flags)


channels = st.lists(st.integers(0, 61), min_size=1, max_size=62, unique=True)
starts = st.integers(0, int(SECONDS * RATE_HZ) - 200)
lengths = st.integers(2, 200)


def test_the_signal_without_a_fault_is_good() -> None:
    assert all(w.quality == 1.0 and not w.reason for w in clean(RAW))


@pytest.mark.parametrize("spec", [RAW, CLEANED], ids=["raw", "cleaned"])
@pytest.mark.parametrize("kind", EEG_FAULTS)
@given(channels=channels, start=starts, length=lengths)
@settings(max_examples=5, deadline=None)
def test_windows_without_the_fault_are_as_they_were(
    spec: FeatureSpec, kind: str, channels: list[int], start: int, length: int
) -> None:
    found = extracted(damaged(kind, channels, start, length), spec)

    for a, b in zip(clean(spec), found, strict=True):
        assert holds(a, start, length) or same(a, b)
    assert not all(map(same, clean(spec), found))  # and the fault was one


@given(channels=channels, start=starts, length=lengths)
@settings(max_examples=10, deadline=None)
def test_of_a_bad_channel_smoothing_remembers_only_that_it_was_not_measured(
    channels: list[int], start: int, length: int
) -> None:
    runs = [
        extracted(damaged(kind, channels, start, length), SMOOTH)
        for kind in ("nan", "inf", "railed", "step")
        if kind != "step" or length > 100
    ]

    for windows in zip(*runs, strict=True):
        if not holds(windows[0], start, length):
            for other in windows[1:]:
                np.testing.assert_array_equal(windows[0].values, other.values)


def test_a_bad_channel_neither_moves_its_level_nor_is_it_left_without_a_value() -> None:
    """While CZ is bad its neighbours stand in, smoothed; after it, its own level goes on."""
    cz = SEED_62.index("CZ")
    found = extracted(damaged("railed", [cz], 500, 500), SMOOTH)
    column = slice(5 * cz, 5 * cz + 5)

    hit = [i for i, w in enumerate(found) if holds(w, 500, 500)]
    for i in hit:
        assert found[i].present[column].all()
        assert not found[i].measured[column].any()
        assert np.abs(found[i].values[column] - clean(SMOOTH)[i].values[column]).max() < 0.6
    after = found[hit[-1] + 1]
    assert after.measured.all()
    assert np.abs(after.values - clean(SMOOTH)[hit[-1] + 1].values)[column].max() < 0.6


GAZE = StreamSpec(
    "sim",
    tuple(
        Channel(f"{eye}_{what}", kind, unit, eye)
        for eye in ("left", "right")
        for what, kind, unit in (
            ("x", "ScreenX", "deg"),
            ("y", "ScreenY", "deg"),
            ("pupil", "Diameter", "mm"),
        )
    ),
    120.0,
    "Gaze",
)
SLOW_PUPIL = [i for i, name in enumerate(EYE_33) if "_de_" in name]
GAZE_FAULTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "lost": lambda x: np.full_like(x, np.nan),
    "one eye lost": lambda x: np.where(np.arange(6) < 3, np.nan, x),
    "off screen": lambda x: x + np.array([60.0, 0.0, 0.0] * 2),
    "frozen": lambda x: np.broadcast_to(x[:1], x.shape),
    "wild": lambda x: x + np.random.default_rng(1).normal(0.0, 8.0, x.shape),
}


@cache
def gaze() -> tuple[FloatArray, FloatArray]:
    """30 s of saccades, three a second."""
    path = [Saccade(0.1 + 0.33 * i, 5.0 * (-1) ** i) for i in range(88)]
    samples = scanpath(path, length_s=30.0, start_s=10.0, noise_deg=0.02)
    eyes = [
        np.stack([a[:, eye] for a in (samples.x_deg, samples.y_deg, samples.pupil_mm)], axis=1)
        for eye in (0, 1)
    ]
    return samples.t_s, np.hstack(eyes)


@cache
def clean_gaze() -> list[FeatureWindow]:
    return gaze_windows(gaze()[1])


def gaze_windows(x: FloatArray) -> list[FeatureWindow]:
    extractor = EyeExtractor(GAZE, eye_feature_spec(window_s=4.0, hop_s=0.5), screen=Screen())
    return extractor.push(SampleChunk(GAZE, gaze()[0].copy(), x.copy()))


@pytest.mark.parametrize("kind", GAZE_FAULTS)
@given(start_s=st.floats(11.0, 25.0), length_s=st.floats(0.1, 4.0))
@settings(max_examples=6, deadline=None)
def test_a_fault_of_the_gaze_ends_with_the_event_it_is_in(
    kind: str, start_s: float, length_s: float
) -> None:
    """An event belongs to the window in which it settles, so a window also holds its first event.

    What counts as fast follows the noise of the tracker, and is itself again within a second. The
    eight slow pupil bands are of the last 60 s by their definition, and not compared.
    """
    t_s, x = gaze()
    rows = (t_s >= start_s) & (t_s < start_s + length_s)
    hit = x.copy()
    hit[rows] = GAZE_FAULTS[kind](x[rows])
    kept = [i for i in range(len(EYE_33)) if i not in SLOW_PUPIL]

    settled_s = start_s + length_s + (1.7 if kind == "wild" else 0.7)
    for a, b in zip(clean_gaze(), gaze_windows(hit), strict=True):
        if a.end_s <= start_s or a.start_s >= settled_s:
            np.testing.assert_array_equal(a.values[kept], b.values[kept])
            assert a.signal == b.signal
            assert (a.quality, a.masked) == (b.quality, b.masked)
