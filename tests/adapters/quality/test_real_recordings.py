"""Real electrode trouble and real eyes. Who is bad here was looked at, not only computed."""

from pathlib import Path

import numpy as np
import pytest
from support.eeg_signals import MUSE_LABELS, MUSE_RATE_HZ, chunks, eeg_stream, read_muse
from support.gaze_recordings import eyelink

from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.eye_movement import EyeMovementFeatures
from hadua.models.features import FloatArray
from hadua.models.quality import EegQuality, EyeState, Flag

CHANNELS = ("TP9", "AF7", "AF8", "TP10")


def bad_and_hum(recordings: Path, session: int) -> tuple[FloatArray, FloatArray]:
    """Share of windows in which each channel was bad, and in which it had more hum than EEG."""
    t_s, x = read_muse(recordings, session=session)
    stream = eeg_stream(*MUSE_LABELS, rate_hz=MUSE_RATE_HZ)
    extractor = EegExtractor(stream, eeg_feature_spec(CHANNELS, window_s=1.0, hop_s=0.5))
    bad, hum = [], []
    for chunk in chunks(stream, t_s, x, size=256):
        for w in extractor.push(chunk):
            if isinstance(w.signal, EegQuality):
                channels = w.signal.channels()
                bad.append([c.name in w.signal.bad_names for c in channels])
                hum.append([Flag.LINE in c.flags for c in channels])
    return np.mean(bad, axis=0), np.mean(hum, axis=0)


@pytest.mark.parametrize("session", [1, 5, 9, 15])
def test_a_headband_that_sits_well(recordings: Path, session: int) -> None:
    bad, _ = bad_and_hum(recordings, session)

    assert (bad < 0.02).all()


@pytest.mark.parametrize("session", [7, 8, 19])
def test_ear_electrodes_without_contact(recordings: Path, session: int) -> None:
    """Hum of up to 260 uV at TP9 and TP10, beside some uV of EEG; AF7 and AF8 are fine."""
    bad, hum = bad_and_hum(recordings, session)

    assert (bad[[0, 3]] > 0.8).all()
    assert (bad[[1, 2]] < 0.05).all()
    assert (hum[[0, 3]] > 0.9).all()


def test_hum_of_60_hz_that_harms_no_band_is_said_and_tolerated(recordings: Path) -> None:
    bad, hum = bad_and_hum(recordings, 3)

    assert (hum[[0, 3]] > 0.8).all()
    assert (bad < 0.01).all()


def test_eyelink_sees_both_eyes_and_loses_them_in_blinks(recordings: Path) -> None:
    gaze = eyelink(recordings).gaze
    features = EyeMovementFeatures(4.0, rate_hz=500.0)
    start_s = float(gaze.t_s[0])
    states, blinking = [], []
    done = 0
    for end_s in np.arange(start_s + 4.0, float(gaze.t_s[-1]), 0.5).tolist():
        stop = int(np.searchsorted(gaze.t_s, end_s))
        features.push(gaze.between(done, stop))
        done = stop
        signal = features.window(end_s).signal
        states += [eye.state for eye in signal.eyes]
        blinking.append(signal.blink_share)
        for eye in signal.eyes:
            assert eye.measured > 0.7
    assert set(states) <= {EyeState.GOOD, EyeState.BLINKING}
    assert 0.0 < np.mean(blinking) < 0.2
