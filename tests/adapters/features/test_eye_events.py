"""Events of scanpaths that are known in closed form."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gaze_recordings import one_eye
from support.scanpaths import Saccade, scanpath

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind
from hadua.adapters.features.eye_events import EyeEventDetector
from hadua.adapters.features.eye_velocity import SaccadeThreshold
from hadua.adapters.state import state_of

FIXATION, SACCADE, BLINK = EyeEventKind.FIXATION, EyeEventKind.SACCADE, EyeEventKind.BLINK
PATH = (Saccade(0.5, 8.0), Saccade(1.0, -5.0), Saccade(1.6, 2.0), Saccade(2.0, 12.0))
RATES = [60.0, 120.0, 250.0, 500.0, 1000.0, 1200.0]


def detect(gaze: GazeSamples, *, rate_hz: float | None = 120.0) -> list[EyeEvent]:
    return EyeEventDetector(rate_hz).push(gaze)


def of(events: list[EyeEvent], kind: EyeEventKind) -> list[EyeEvent]:
    return [e for e in events if e.kind is kind]


@pytest.mark.parametrize("rate_hz", RATES)
def test_saccades_are_where_they_were_made(rate_hz: float) -> None:
    found = of(detect(scanpath(PATH, length_s=3.0, rate_hz=rate_hz), rate_hz=rate_hz), SACCADE)

    tolerance_s = max(0.012, 1.0 / rate_hz)
    assert [e.start_s - 1000.0 for e in found] == pytest.approx(
        [s.start_s for s in PATH], abs=tolerance_s
    )
    assert [e.amplitude_deg for e in found] == pytest.approx(
        [abs(s.amplitude_deg) for s in PATH], rel=0.05 if rate_hz > 100.0 else 0.15
    )
    assert [e.duration_s for e in found] == pytest.approx(
        [s.duration_s for s in PATH], abs=2 * tolerance_s
    )


@pytest.mark.parametrize("rate_hz", [250.0, 500.0, 1000.0])
def test_peak_speed_is_that_of_minimum_jerk(rate_hz: float) -> None:
    """1.875 amplitude / duration, less what a mean over 20 ms takes off its top."""
    found = of(detect(scanpath(PATH, length_s=3.0, rate_hz=rate_hz), rate_hz=rate_hz), SACCADE)
    peaks = [1.875 * abs(s.amplitude_deg) / s.duration_s for s in PATH]

    for event, peak in zip(found, peaks, strict=True):
        assert event.peak_deg_s is not None
        assert 0.7 * peak < event.peak_deg_s <= peak


def test_fixations_fill_the_time_between() -> None:
    found = of(detect(scanpath(PATH, length_s=3.0, rate_hz=500.0), rate_hz=500.0), FIXATION)

    starts_s = [0.0, *(s.start_s + s.duration_s for s in PATH[:-1])]
    expected = [b.start_s - a for a, b in zip(starts_s, PATH, strict=True)]
    assert [e.duration_s for e in found] == pytest.approx(expected, abs=0.012)
    assert [e.dispersion_x_deg for e in found] == pytest.approx([0.0] * 4, abs=0.05)


def test_dispersion_is_the_standard_deviation_of_slow_movement() -> None:
    """A drift of 2 deg/s for 0.5 s spreads uniformly over 1 degree: 1 / sqrt(12)."""
    gaze = scanpath((Saccade(0.5, 5.0),), length_s=1.0, rate_hz=500.0)
    drift = GazeSamples(
        gaze.t_s,
        gaze.x_deg + 2.0 * (gaze.t_s - 1000.0)[:, None],
        gaze.y_deg,
        gaze.pupil_mm,
        gaze.valid,
    )

    (event,) = of(detect(drift, rate_hz=500.0), FIXATION)

    assert event.dispersion_x_deg == pytest.approx(1.0 / np.sqrt(12.0), rel=0.05)
    assert event.dispersion_y_deg == pytest.approx(0.0, abs=1e-9)


def test_latency_is_the_time_between_saccades() -> None:
    found = of(detect(scanpath(PATH, length_s=3.0, rate_hz=500.0), rate_hz=500.0), SACCADE)

    assert found[0].latency_s is None
    gaps = [b.start_s - a.start_s - a.duration_s for a, b in pairwise(PATH)]
    assert [e.latency_s for e in found[1:]] == pytest.approx(gaps, abs=0.015)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("length_s", [0.08, 0.15, 0.3, 0.38])
def test_blinks_last_as_long_as_the_eyes_were_lost(rate_hz: float, length_s: float) -> None:
    gaze = scanpath(PATH, length_s=3.0, rate_hz=rate_hz, blinks=[(1.2, length_s)])

    (event,) = of(detect(gaze, rate_hz=rate_hz), BLINK)

    assert event.duration_s == pytest.approx(length_s, abs=1.5 / rate_hz + 0.008)
    assert event.start_s - 1000.0 == pytest.approx(1.2, abs=1.0 / rate_hz + 0.008)


@pytest.mark.parametrize("length_s", [0.02, 0.035, 0.45, 1.5])
def test_shorter_and_longer_losses_are_no_blinks(length_s: float) -> None:
    gaze = scanpath(PATH, length_s=4.0, rate_hz=500.0, blinks=[(1.2, length_s)])

    assert of(detect(gaze, rate_hz=500.0), BLINK) == []


def test_a_short_drop_out_does_not_cut_a_fixation() -> None:
    gaze = scanpath(PATH, length_s=3.0, rate_hz=500.0, blinks=[(0.25, 0.03)])

    assert of(detect(gaze, rate_hz=500.0), FIXATION)[0].duration_s == pytest.approx(0.5, abs=0.012)


def test_one_eye_lost_is_no_blink_but_the_only_eye_lost_is() -> None:
    gaze = scanpath(PATH, length_s=3.0, rate_hz=500.0, blinks=[(1.2, 0.15)])
    whole = scanpath(PATH, length_s=3.0, rate_hz=500.0)
    mixed = GazeSamples(
        gaze.t_s,
        np.stack([gaze.x_deg[:, 0], whole.x_deg[:, 1]], 1),
        np.stack([gaze.y_deg[:, 0], whole.y_deg[:, 1]], 1),
        gaze.pupil_mm,
        np.stack([gaze.valid[:, 0], whole.valid[:, 1]], 1),
    )

    assert of(detect(mixed, rate_hz=500.0), BLINK) == []
    assert len(of(detect(mixed, rate_hz=500.0), SACCADE)) == len(PATH)
    assert len(of(detect(one_eye(gaze, 0), rate_hz=500.0), BLINK)) == 1


def without_lost(gaze: GazeSamples) -> GazeSamples:
    """As from a tracker that sends nothing while it sees no eye."""
    k = gaze.valid.any(axis=1)
    arrays = (gaze.t_s[k], gaze.x_deg[k], gaze.y_deg[k], gaze.pupil_mm[k])
    return GazeSamples(*arrays, gaze.valid[k])


def test_silence_is_a_blink_only_if_the_stream_has_no_rate() -> None:
    gaze = without_lost(scanpath(PATH, length_s=3.0, blinks=[(1.2, 0.15)]))

    assert len(of(detect(gaze, rate_hz=None), BLINK)) == 1
    assert of(detect(gaze, rate_hz=120.0), BLINK) == []


def test_the_lids_movement_around_a_blink_is_no_saccade() -> None:
    gaze = scanpath((), length_s=2.0, rate_hz=500.0, blinks=[(1.0, 0.1)])
    y = gaze.y_deg.copy()
    t = gaze.t_s - 1000.0
    y += 200.0 * np.clip(t - 0.97, 0.0, None)[:, None] * (t < 1.05)[:, None]
    y += 200.0 * np.clip(1.13 - t, 0.0, None)[:, None] * (t > 1.05)[:, None]
    lid = GazeSamples(gaze.t_s, gaze.x_deg, y, gaze.pupil_mm, gaze.valid)

    events = detect(lid, rate_hz=500.0)

    assert [e.kind for e in events] == [FIXATION, BLINK]
    assert events[0].end_s - 1000.0 == pytest.approx(0.97, abs=0.015)


@pytest.mark.parametrize("noise_deg", [0.05, 0.3, 0.6])
def test_noise_raises_the_threshold_and_makes_no_saccades(noise_deg: float) -> None:
    """At 120 Hz noise of 0.3 degrees alone moves at 25 deg/s (root of the mean square)."""
    path = [Saccade(3.0 + 0.5 * i, 8.0 * (-1) ** i) for i in range(10)]
    gaze = scanpath(path, length_s=9.0, noise_deg=noise_deg)

    found = [e for e in of(detect(gaze), SACCADE) if e.start_s > 1002.5]

    assert len(found) == pytest.approx(len(path), abs=2 if noise_deg > 0.3 else 0)


def test_minutes_of_gaze_that_stands_still_do_not_make_the_threshold_deaf_to_noise() -> None:
    threshold = SaccadeThreshold()
    threshold.follow([0.0] * 200_000)  # 13 minutes; e to the power of minus 1000 is 0

    assert threshold.follow([15.0] * 1000 + [60.0]) == (1001, False)


def test_a_run_of_speeds_ends_at_a_fast_one_which_is_taken_and_at_an_unknown_one() -> None:
    threshold, again = SaccadeThreshold(), SaccadeThreshold()
    speeds = [2.0, 2.0, 31.0, None, 2.0]

    assert threshold.follow(speeds) == (2, True)
    assert threshold.follow(speeds, 3) == (3, False)
    assert threshold.follow(speeds, 4) == (5, False)
    for speed in (2.0, 2.0, 31.0, 2.0):  # one by one, what follows is the same to the bit
        again.follow([speed])
    assert state_of(threshold) == state_of(again)


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 90), max_size=20), rate_hz=st.sampled_from([60.0, 120.0, 333.0])
)
def test_chunking_does_not_matter(cuts: list[int], rate_hz: float) -> None:
    gaze = scanpath(PATH, length_s=3.0, rate_hz=rate_hz, blinks=[(1.3, 0.2)], noise_deg=0.05)
    edges = np.unique(np.clip([0, *np.cumsum(cuts), len(gaze)], 0, len(gaze)))
    detector = EyeEventDetector(rate_hz)

    found = [e for a, b in pairwise(edges) for e in detector.push(gaze.between(int(a), int(b)))]

    assert found == detect(gaze, rate_hz=rate_hz)


@given(shift_s=st.floats(0.0, 1e5))
@settings(max_examples=20, deadline=None)
def test_counts_do_not_depend_on_when_it_happens(shift_s: float) -> None:
    gaze = scanpath(PATH, length_s=3.0, blinks=[(1.3, 0.2)], start_s=shift_s)

    kinds = [e.kind for e in detect(gaze)]

    assert (kinds.count(SACCADE), kinds.count(BLINK)) == (4, 1)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_samples_are_no_event(n: int) -> None:
    assert detect(scanpath(PATH, length_s=3.0).between(0, n)) == []


def test_gaze_that_never_moves_and_gaze_that_never_comes_are_no_event() -> None:
    still = scanpath((), length_s=5.0)
    nan = np.full_like(still.x_deg, np.nan)
    lost = GazeSamples(still.t_s, nan, nan, nan, np.zeros_like(still.valid))

    assert detect(still) == []
    assert detect(lost) == []


def test_a_silence_of_an_hour_ends_the_fixation_and_costs_nothing() -> None:
    first, second = scanpath(PATH, length_s=2.9), scanpath(PATH, length_s=2.9, start_s=4600.0)
    detector = EyeEventDetector(120.0)

    events = detector.push(first) + detector.push(second)

    assert len(of(events, SACCADE)) == 2 * len(PATH)
    assert max(e.duration_s for e in events) < 1.0
    assert of(events, SACCADE)[len(PATH)].latency_s is None


def test_reset_forgets() -> None:
    detector = EyeEventDetector(120.0)
    detector.push(scanpath(PATH, length_s=1.1))
    detector.reset()

    assert detector.push(scanpath(PATH, length_s=3.0)) == detect(scanpath(PATH, length_s=3.0))
