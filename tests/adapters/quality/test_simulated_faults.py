"""Detection and false alarms where the truth is known: the simulator's faults."""

import pytest
from support.quality_rates import EEG, EYE, eeg_rates, gaze_rates, windows

from hadua.adapters.sources.simulated_faults import FaultKind
from hadua.models.quality import EegQuality, EyeState, Flag, GazeQuality

CHANNEL_FAULTS = {
    "nan:CZ": Flag.NOT_FINITE,
    "inf:CZ": Flag.NOT_FINITE,
    "flat:CZ": Flag.FLAT,
    "railed:CZ": Flag.RAILED,
    "line:CZ": Flag.LINE,
    "noisy:CZ": Flag.NOISE,
    "flat:FP1": Flag.FLAT,
    "noisy:CB2": Flag.NOISE,
    "eeg.flat": Flag.FLAT,
    "railed": Flag.RAILED,
    "line": Flag.LINE,
    "noisy": Flag.NOISE,
}
BOTH_LOST = {"left": EyeState.LOST, "right": EyeState.LOST}
GAZE_FAULTS = {
    "eye-lost": BOTH_LOST,
    "eye-lost:left": {"left": EyeState.LOST},
    "gaze.nan:right_x": {"right": EyeState.LOST},
    "gaze.inf:right_y": {"right": EyeState.LOST},
    "gaze.flat:left_x": {"left": EyeState.FROZEN},
    "off-screen": {"left": EyeState.OFF_SCREEN, "right": EyeState.OFF_SCREEN},
    "gaze.blinks": {"left": EyeState.BLINKING, "right": EyeState.BLINKING},
}


@pytest.mark.parametrize("name", CHANNEL_FAULTS)
def test_faults_of_channels_are_found_and_nothing_beside_them(name: str) -> None:
    rates = eeg_rates(name, CHANNEL_FAULTS[name])

    assert rates.n_whole >= 15
    assert rates.whole == 1.0
    assert rates.touched >= 0.95
    assert rates.beside <= 0.001


@pytest.mark.parametrize("name", GAZE_FAULTS)
def test_faults_of_eyes_are_found_and_nothing_beside_them(name: str) -> None:
    rates = gaze_rates(name, GAZE_FAULTS[name])

    assert rates.n_whole >= 13
    assert rates.whole >= 0.95
    assert rates.beside <= 0.02


def test_a_gap_of_the_gaze_gives_one_window_that_says_for_how_long_nothing_came() -> None:
    found = windows(EYE, person=3, seconds=32.0, faults="gaze.gap@12+10")

    absent = [w for w in found if w.signal is None]

    assert [w.reason for w in absent] == ["eye: nothing came for 10.0 s"]
    assert len(found) > 20


@pytest.mark.parametrize("person", [1, 7, 1003])
def test_a_healthy_person_raises_no_alarm(person: int) -> None:
    for w in windows(EEG, person=person, seconds=30.0):
        assert isinstance(w.signal, EegQuality)
        assert w.signal.bad_names == (), w.reason
        assert w.reason == ""
        assert w.quality == 1.0
    for w in windows(EYE, person=person, seconds=30.0):
        assert isinstance(w.signal, GazeQuality)
        assert {eye.state for eye in w.signal.eyes} == {EyeState.GOOD}
        assert not w.masked


def test_blinks_in_the_eeg_are_no_fault_of_an_electrode() -> None:
    for w in windows(EEG, seconds=20.0, faults="eeg.blinks@6+8"):
        assert isinstance(w.signal, EegQuality)
        assert w.signal.bad_names == ()


def test_every_fault_of_the_simulator_is_accounted_for() -> None:
    """Those that are not here are faults of the whole stream: time and life, not quality."""
    here = {n.partition(":")[0].removeprefix("eeg.").removeprefix("gaze.") for n in CHANNEL_FAULTS}
    here |= {n.partition(":")[0].removeprefix("gaze.") for n in GAZE_FAULTS}

    assert set(FaultKind) - here == {
        *("gap", "freeze", "dropout", "lost", "jitter", "rate", "duplicate"),
    }
