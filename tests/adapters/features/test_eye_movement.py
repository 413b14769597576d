"""The 33 features in closed form, and what is absent when."""

import numpy as np
import pytest
from scipy import signal
from support.gaze_recordings import one_eye
from support.scanpaths import Saccade, scanpath

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_grid import GridSteps
from hadua.adapters.features.eye_movement import (
    EYE_33,
    EyeFeatures,
    EyeMovementFeatures,
    eye_feature_spec,
)
from hadua.adapters.features.eye_pupil import CELL_STEPS, PupilHistory
from hadua.models.errors import InvalidInputError
from hadua.models.features import Modality

PATH = (Saccade(0.5, 8.0), Saccade(1.0, -5.0), Saccade(1.6, 2.0), Saccade(2.0, 12.0))
BLINKS = [(2.5, 0.15), (3.0, 0.25)]


def measure(gaze: GazeSamples, *, end_s: float = 1004.0, window_s: float = 4.0) -> EyeFeatures:
    features = EyeMovementFeatures(window_s, rate_hz=500.0)
    features.push(gaze.between(0, int(np.searchsorted(gaze.t_s, end_s))))
    return features.window(end_s)


def value(found: EyeFeatures, name: str) -> float:
    at = EYE_33.index(name)
    assert found.present[at] == np.isfinite(found.values[at])
    return float(found.values[at])


def wave(length_s: float, *, hz: float, amplitude_mm: float, rate_hz: float = 120.0) -> GazeSamples:
    """Eyes at rest whose pupils follow a sine."""
    gaze = scanpath((), length_s=length_s, rate_hz=rate_hz)
    pupil = 4.0 + amplitude_mm * np.sin(2.0 * np.pi * hz * gaze.t_s)
    return GazeSamples(gaze.t_s, gaze.x_deg, gaze.y_deg, np.stack([pupil] * 2, 1), gaze.valid)


def test_the_spec_names_33_features_once() -> None:
    spec = eye_feature_spec(window_s=4.0, hop_s=0.5)

    assert len(EYE_33) == len(set(EYE_33)) == 33
    assert (spec.modality, spec.label, spec.names) == (Modality.EYE, "hadua-eye/1", EYE_33)


def test_events_of_a_known_scanpath() -> None:
    found = measure(scanpath(PATH, length_s=5.0, rate_hz=500.0, blinks=BLINKS))

    durations_ms = [1e3 * s.duration_s for s in PATH]
    amplitudes = [abs(s.amplitude_deg) for s in PATH]
    assert value(found, "saccade_duration_mean_ms") == pytest.approx(np.mean(durations_ms), abs=8)
    assert value(found, "saccade_amplitude_mean_deg") == pytest.approx(
        np.mean(amplitudes), rel=0.02
    )
    assert value(found, "saccade_amplitude_sd_deg") == pytest.approx(
        np.std(amplitudes, ddof=1), rel=0.02
    )
    assert value(found, "saccade_frequency_hz") == pytest.approx(4 / 4.0, rel=0.01)
    assert value(found, "blink_duration_mean_ms") == pytest.approx(200.0, abs=6)
    assert value(found, "blink_duration_sd_ms") == pytest.approx(100.0 / np.sqrt(2.0), abs=6)
    assert value(found, "blink_frequency_hz") == pytest.approx(2 / 4.0, rel=0.01)
    # 0 to 0.5, ... to 2.0, then to the first blink, and from it to the second.
    assert value(found, "fixation_frequency_hz") == pytest.approx(6 / 4.0, rel=0.01)
    assert value(found, "fixation_duration_max_ms") == pytest.approx(569.0, abs=12)
    assert value(found, "saccade_latency_average_ms") == pytest.approx(
        1e3 * np.mean([0.5 - 0.0386, 0.6 - 0.032, 0.4 - 0.0254]), abs=12
    )
    assert found.quality == pytest.approx(0.9, abs=0.005)


def test_a_window_counts_the_events_that_end_in_it_and_tiles_count_each_once() -> None:
    path = (*PATH, Saccade(3.4, 6.0))  # settles late in a window: the next one must not see it
    gaze = scanpath(path, length_s=5.0, rate_hz=500.0, blinks=[(2.85, 0.3)])
    features = EyeMovementFeatures(0.5, rate_hz=500.0)
    counts = np.zeros(3)
    done = 0
    for end_s in np.arange(1000.5, 1005.0, 0.5).tolist():
        stop = int(np.searchsorted(gaze.t_s, end_s))
        features.push(gaze.between(done, stop))
        done = stop
        found = features.window(end_s)
        if found.present.any():
            rates = [value(found, f"{k}_frequency_hz") for k in ("saccade", "blink", "fixation")]
            blink_s = 1e-3 * np.nan_to_num(value(found, "blink_duration_mean_ms"))
            counts += np.array(rates) * min(0.5, 0.5 * found.quality + blink_s)

    assert counts == pytest.approx([5.0, 1.0, 6.0], abs=0.02)


def test_nothing_happened_is_absent_for_durations_and_zero_for_frequencies() -> None:
    found = measure(scanpath((), length_s=5.0, rate_hz=500.0))

    for name in EYE_33:
        if name.endswith("frequency_hz"):
            assert value(found, name) == 0.0
        elif not name.startswith("pupil"):
            assert np.isnan(value(found, name)), name
    assert found.reason == ""


def test_one_event_has_a_mean_and_no_spread() -> None:
    found = measure(scanpath(PATH[:1], length_s=5.0, rate_hz=500.0))

    assert value(found, "saccade_duration_mean_ms") == value(found, "saccade_duration_average_ms")
    assert np.isnan(value(found, "saccade_duration_sd_ms"))
    assert np.isnan(value(found, "saccade_latency_average_ms"))


@pytest.mark.parametrize(
    ("hz", "band"), [(0.1, "0_0.2"), (0.3, "0.2_0.4"), (0.5, "0.4_0.6"), (0.8, "0.6_1")]
)
def test_pupil_entropy_of_a_sine_in_closed_form(hz: float, band: str) -> None:
    """A sine of amplitude a has variance a^2 / 2: 0.5 ln(2 pi e a^2 / 2)."""
    found = measure(wave(62.0, hz=hz, amplitude_mm=0.4), end_s=1061.0)

    expected = 0.5 * np.log(2.0 * np.pi * np.e * 0.4**2 / 2.0)
    assert value(found, f"pupil_left_de_{band}_hz") == pytest.approx(expected, abs=0.02)
    others = [n for n in EYE_33 if n.startswith("pupil_left_de") and band not in n]
    for name in others:
        assert not value(found, name) > expected - 2.0


def test_pupil_mean_and_spread_are_of_the_window() -> None:
    """A sine of 1 Hz over 4 s: its mean and amplitude / sqrt 2, less 0.1 s averaging."""
    found = measure(wave(8.0, hz=1.0, amplitude_mm=0.4), end_s=1006.0)

    assert value(found, "pupil_left_mean_mm") == pytest.approx(4.0, abs=0.01)
    assert value(found, "pupil_right_sd_mm") == pytest.approx(
        0.4 / np.sqrt(2.0) * np.sinc(0.1), rel=0.02
    )


def test_a_silent_end_of_a_window_does_not_let_in_what_was_before_it() -> None:
    """Pupils of 5 mm until 1004 s, then of 3 mm until the tracker falls silent at 1006.5 s."""
    gaze = scanpath((), length_s=6.5, rate_hz=120.0)
    pupil = np.where(gaze.t_s[:, None] < 1004.0, 5.0, 3.0) * np.ones((1, 2))

    found = measure(GazeSamples(gaze.t_s, gaze.x_deg, gaze.y_deg, pupil, gaze.valid), end_s=1008.0)

    assert value(found, "pupil_left_mean_mm") == 3.0
    assert value(found, "pupil_right_sd_mm") == 0.0


@pytest.mark.parametrize("window_s", [0.0, 60.1, float("nan")])
def test_a_window_longer_than_the_pupils_history_is_refused(window_s: float) -> None:
    with pytest.raises(InvalidInputError, match="up to 60 s"):
        EyeMovementFeatures(window_s, rate_hz=120.0)


@pytest.mark.parametrize("n_cells", [300, 307, 451, 600])
def test_pupil_entropy_is_that_of_scipys_periodogram(n_cells: int) -> None:
    rng = np.random.default_rng(n_cells)
    cells = 4.0 + np.cumsum(rng.normal(0.0, 0.02, n_cells)) + rng.normal(0.0, 0.05, n_cells)
    history = PupilHistory()
    steps = GridSteps.lost(0, n_cells * CELL_STEPS + 1, 0.0)
    steps.eyes[:, 4] = [*np.repeat(cells, CELL_STEPS), 4.0]
    history.push(steps)

    entropy = history.band_entropy()

    hz, density = signal.periodogram(cells, 10.0, window="hann", detrend="constant")
    for i, (low, high) in enumerate(((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0))):
        inside = (hz > 0.0) & (hz >= low - 1e-9) & (hz < high - 1e-9)
        variance = density[inside].sum() * 10.0 / n_cells
        assert entropy[0, i] == pytest.approx(0.5 * np.log(2.0 * np.pi * np.e * variance), abs=1e-9)
    assert np.isnan(entropy[1]).all()


@pytest.mark.parametrize(("length_s", "known"), [(25.0, False), (29.5, False), (31.0, True)])
def test_slow_pupil_bands_need_30_seconds(length_s: float, known: bool) -> None:
    found = measure(wave(length_s + 1.0, hz=0.1, amplitude_mm=0.4), end_s=1000.0 + length_s)

    assert np.isfinite(value(found, "pupil_left_de_0_0.2_hz")) == known


def test_blinks_do_not_change_slow_pupil_bands_much() -> None:
    gaze = wave(62.0, hz=0.1, amplitude_mm=0.4)
    pupil, valid = gaze.pupil_mm.copy(), gaze.valid.copy()
    closed = np.mod(gaze.t_s, 3.0) < 0.2
    pupil[closed], valid[closed] = np.nan, False
    x = np.where(valid, gaze.x_deg, np.nan)
    blinking = GazeSamples(gaze.t_s, x, x, pupil, valid)

    name = "pupil_left_de_0_0.2_hz"

    assert value(measure(blinking, end_s=1061.0), name) == pytest.approx(
        value(measure(gaze, end_s=1061.0), name), abs=0.02
    )


def test_a_constant_pupil_has_no_entropy() -> None:
    found = measure(wave(62.0, hz=0.1, amplitude_mm=0.0), end_s=1061.0)

    assert value(found, "pupil_left_sd_mm") == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(value(found, "pupil_left_de_0.6_1_hz"))


def test_without_pupils_only_pupils_are_absent() -> None:
    gaze = scanpath(PATH, length_s=5.0, rate_hz=500.0, blinks=BLINKS, pupil_mm=np.nan)
    found = measure(gaze)

    assert EYE_33[:12] == tuple(n for n, p in zip(EYE_33, found.present, strict=True) if not p)
    assert found.reason == "no left and no right pupil diameter"


def test_one_eye_gives_everything_but_the_other_pupil() -> None:
    both = measure(scanpath(PATH, length_s=5.0, rate_hz=500.0, blinks=BLINKS))
    left = measure(one_eye(scanpath(PATH, length_s=5.0, rate_hz=500.0, blinks=BLINKS), 0))

    assert left.values[12:] == pytest.approx(both.values[12:], nan_ok=True)
    assert value(left, "pupil_left_mean_mm") == 3.0
    assert np.isnan(value(left, "pupil_right_mean_mm"))
    assert left.quality == both.quality


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_samples_are_absent(n: int) -> None:
    found = measure(scanpath(PATH, length_s=5.0).between(0, n))

    assert not found.present.any()
    assert np.isnan(found.values).all()
    assert "gaze was measured for 0% of the window" in found.reason


def test_lost_eyes_are_absent_not_zero() -> None:
    found = measure(scanpath(PATH, length_s=5.0, rate_hz=500.0, blinks=[(0.0, 3.0)]))

    assert not found.present.any()
    assert found.quality == pytest.approx(0.25, abs=0.01)
    assert "gaze was measured for 25% of the window, 50% needed" in found.reason
