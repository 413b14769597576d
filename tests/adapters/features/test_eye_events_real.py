"""Events on real recordings: the tracker's own truth, and two independent detectors."""

import logging
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.gaze_recordings import (
    EYELINK_HZ,
    TOBII_HZ,
    Agreement,
    EyeLinkRecording,
    Interval,
    agreement,
    eyelink,
    intervals,
    one_eye,
    tobii_spectrum,
)

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind
from hadua.adapters.features.eye_events import EyeEventDetector

FIXATION, SACCADE, BLINK = EyeEventKind.FIXATION, EyeEventKind.SACCADE, EyeEventKind.BLINK


@cache
def read(root: Path) -> EyeLinkRecording:
    return eyelink(root)


@pytest.fixture
def recording(recordings: Path) -> EyeLinkRecording:
    return read(recordings)


@cache
def detect_one(recording: EyeLinkRecording, eye: int) -> list[EyeEvent]:
    return detect(one_eye(recording.gaze, eye), rate_hz=EYELINK_HZ)


def detect(gaze: GazeSamples, *, rate_hz: float) -> list[EyeEvent]:
    return EyeEventDetector(rate_hz).push(gaze)


def per_eye(recording: EyeLinkRecording, name: str, kind: EyeEventKind) -> Agreement:
    """Both eyes' events together, each eye detected alone, as the tracker's parser does."""
    parts = [
        agreement(
            recording.intervals(name, eye),
            intervals(detect_one(recording, eye), kind),
        )
        for eye in (0, 1)
    ]
    return Agreement(
        sum(p.n_truth for p in parts), sum(p.n_found for p in parts), sum(p.n_paired for p in parts)
    )


def test_blinks_are_those_of_the_tracker(recording: EyeLinkRecording) -> None:
    """Measured: 21 of 21 found, 21 of 21 true, at an overlap of half the union."""
    found = per_eye(recording, "EBLINK", BLINK)

    assert found.n_truth == 21
    assert found.precision >= 0.95
    assert found.recall >= 0.95


def test_blinks_of_both_eyes_are_those_of_the_tracker(recording: EyeLinkRecording) -> None:
    """Each eye's truth against blinks of both eyes together, which need both eyes lost.

    Measured: 10 of 10 true; 20 of 21 found. The one missed was seen in the left eye alone.
    """
    blinks = intervals(detect(recording.gaze, rate_hz=EYELINK_HZ), BLINK)
    truth = [recording.intervals("EBLINK", eye) for eye in (0, 1)]

    found = sum(any(_meet(t, b) for b in blinks) for eye in truth for t in eye)
    true = sum(any(_meet(t, b) for eye in truth for t in eye) for b in blinks)

    assert found / 21 >= 0.95
    assert true / len(blinks) >= 0.95


def _meet(a: Interval, b: Interval) -> bool:
    return min(a[1], b[1]) > max(a[0], b[0])


@pytest.mark.parametrize(("name", "kind"), [("EFIX", FIXATION), ("ESACC", SACCADE)])
def test_fixations_and_saccades_are_those_of_the_tracker(
    recording: EyeLinkRecording, name: str, kind: EyeEventKind
) -> None:
    """Measured: fixations P 0.996 R 0.969; saccades P 0.991 R 0.891.

    The tracker also calls the lid's movement around each blink a saccade (20 of 258), which we
    do not: they count as missed here. Without them the recall of saccades is 0.966.
    """
    found = per_eye(recording, name, kind)

    assert found.precision >= 0.85
    assert found.recall >= 0.85


@pytest.mark.parametrize(("name", "kind"), [("EFIX", FIXATION), ("ESACC", SACCADE)])
@pytest.mark.parametrize("eye", [0, 1])
def test_both_eyes_together_agree_with_each_eyes_truth(
    recording: EyeLinkRecording, name: str, kind: EyeEventKind, eye: int
) -> None:
    """Measured: F1 of fixations 0.980 and 0.988, of saccades 0.951 and 0.935."""
    found = intervals(detect(recording.gaze, rate_hz=EYELINK_HZ), kind)

    result = agreement(recording.intervals(name, eye), found)

    assert min(result.precision, result.recall) >= 0.85


def test_amplitudes_are_those_of_the_tracker(recording: EyeLinkRecording) -> None:
    """Paired saccades: median difference of amplitude below 5 %."""
    events = [e for e in detect_one(recording, 0) if e.kind is SACCADE]
    truth = [e for e in recording.truth if e.name == "ESACC" and e.eye == 0]
    ratios = [
        e.amplitude_deg / t.amplitude_deg
        for e in events
        for t in truth
        if e.amplitude_deg is not None and _meet((e.start_s, e.end_s), (t.start_s, t.end_s))
    ]

    assert len(ratios) > 100
    assert abs(float(np.median(ratios)) - 1.0) < 0.05


def remodnav_events(gaze: GazeSamples, eye: int, rate_hz: float) -> dict[str, list[Interval]]:
    """REMoDNaV's events of one eye with its default settings."""
    import remodnav

    logging.getLogger("remodnav.clf").setLevel(logging.CRITICAL)
    classify = remodnav.EyegazeClassifier(px2deg=1.0, sampling_rate=rate_hz)
    track = np.zeros(len(gaze), [("x", np.float64), ("y", np.float64)]).view(np.recarray)
    track["x"], track["y"] = gaze.x_deg[:, eye], gaze.y_deg[:, eye]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = classify(classify.preproc(track), classify_isp=True, sort_events=True)
    t0 = float(gaze.t_s[0])
    spans = [(e["label"], e["amp"], (t0 + e["start_time"], t0 + e["end_time"])) for e in events]
    return {
        "saccade": [s for label, amp, s in spans if label in ("SACC", "ISAC") and amp >= 0.5],
        "fixation": [s for label, _, s in spans if label in ("FIXA", "PURS")],
    }


@pytest.mark.parametrize(
    ("source", "kind"), [("eyelink", FIXATION), ("eyelink", SACCADE), ("tobii", SACCADE)]
)
def test_agrees_with_remodnav(recordings: Path, source: str, kind: EyeEventKind) -> None:
    """F1 at least 0.8 at an overlap of 0.2 of the union (it puts saccades' ends at a lower speed).

    REMoDNaV's pursuit counts as fixation (it tells slow drift apart, we do not), its saccades
    between saccades as saccades if they reach half a degree, our smallest. On the Tobii recording
    it also finds 17 smaller ones, which cut its fixations where ours go on.
    """
    gaze = read(recordings).gaze if source == "eyelink" else tobii_spectrum(recordings)
    rate_hz = EYELINK_HZ if source == "eyelink" else TOBII_HZ
    oracle = remodnav_events(gaze, 0, rate_hz)[kind.value]
    found = intervals(detect(one_eye(gaze, 0), rate_hz=rate_hz), kind)

    result = agreement(oracle, found, overlap=0.2)

    assert result.f1 >= 0.8
    assert abs(len(found) / len(oracle) - 1.0) < 0.35


@pytest.mark.parametrize("source", ["eyelink", "tobii"])
def test_agrees_with_pymovements(recordings: Path, source: str) -> None:
    """Fixations of its I-VT at the same threshold, minimum duration and 20 ms window."""
    import pymovements
    from pymovements.transforms.numpy import pos2vel

    gaze = read(recordings).gaze if source == "eyelink" else tobii_spectrum(recordings)
    rate_hz = EYELINK_HZ if source == "eyelink" else TOBII_HZ
    position = np.stack([gaze.x_deg[:, 0], gaze.y_deg[:, 0]], axis=1)
    window = 2 * round(0.01 * rate_hz) + 1
    velocity = pos2vel(
        position, rate_hz, method="savitzky_golay", window_length=window, polyorder=2
    )
    events = pymovements.events.ivt(
        velocity, minimum_duration=round(0.06 * rate_hz), velocity_threshold=30.0
    )
    t0 = float(gaze.t_s[0])
    onset, offset = events.frame["onset"].to_numpy(), events.frame["offset"].to_numpy()
    oracle = [(t0 + a / rate_hz, t0 + b / rate_hz) for a, b in zip(onset, offset, strict=True)]
    found = intervals(detect(one_eye(gaze, 0), rate_hz=rate_hz), FIXATION)

    result = agreement(oracle, found)

    assert result.f1 >= 0.8
    assert abs(len(found) / len(oracle) - 1.0) < 0.2
