"""Is the simulated signal what it claims to be: 1/f, rhythms, blinks, gaze after its truth?"""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import welch

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.simulated_events import EyeEvent
from hadua.adapters.sources.simulated_gaze import GAZE_RATE_HZ, to_screen
from hadua.adapters.sources.simulated_person import SHARED_EFFECTS, make_person
from hadua.adapters.sources.simulated_scalp import SCALP_MAPS
from hadua.adapters.sources.simulated_states import STATES, BlockSchedule, State
from hadua.adapters.sources.simulator import Simulation
from hadua.models.features import FloatArray, Modality

LENGTH_S = 60
BAND_HZ = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 14), "beta": (14, 31), "gamma": (31, 48)}


def in_state(state: State, *, person: int = 1, seed: int = 1) -> Simulation:
    return Simulation(person, seed, BlockSchedule(((state, 1000.0),)), mains_uv=0.0)


@cache
def spectrum(state: State, person: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies and power `(n_hz, 62)`."""
    x = in_state(state, person=person).signal(Modality.EEG).read(0, LENGTH_S * 1000)
    hz, power = welch(x, 1000.0, nperseg=2000, axis=0)
    return hz, power


def band_log_power(state: State, person: int, band: str) -> FloatArray:
    hz, power = spectrum(state, person)
    low, high = BAND_HZ[band]
    return np.asarray(np.log(power[(hz >= low) & (hz < high)].mean(axis=0)))


@pytest.mark.parametrize("person", [1, 2, 3])
def test_the_background_falls_as_one_over_f(person: int) -> None:
    hz, power = spectrum("neutral", person)
    quiet = ((hz >= 2) & (hz <= 4)) | ((hz >= 30) & (hz <= 45))
    temporal = [SEED_62.index(label) for label in ("T7", "T8", "FT7", "FT8")]
    mean = power[:, temporal].mean(axis=1)
    slope = np.polyfit(np.log(hz[quiet]), np.log(mean[quiet]), 1)[0]
    assert slope == pytest.approx(-make_person(person).slope, abs=0.25)


@pytest.mark.parametrize("person", [1, 2, 3])
def test_alpha_is_posterior_and_at_the_persons_frequency(person: int) -> None:
    hz, power = spectrum("neutral", person)
    flat = power * hz[:, None]
    oz, frontal = SEED_62.index("POZ"), SEED_62.index("FC5")
    alpha = (hz >= 7) & (hz <= 14)
    beside = (hz >= 16) & (hz <= 30)
    peak_hz = hz[alpha][flat[alpha, oz].argmax()]
    assert peak_hz == pytest.approx(make_person(person).alpha_hz, abs=1.0)
    rise = flat[alpha].max(axis=0) / flat[beside].mean(axis=0)
    assert rise[oz] > 2.0 * rise[frontal]


def test_neighbours_are_alike_and_far_channels_are_not() -> None:
    x = in_state("neutral").signal(Modality.EEG).read(0, 20_000)
    r = np.asarray(np.corrcoef(x.T))
    at = SEED_62.index
    assert r[at("C3"), at("C1")] > 0.5 > abs(r[at("T7"), at("T8")])
    assert x.std() == pytest.approx(10.0, rel=0.6)


@pytest.mark.parametrize(("state", "band", "region", "size"), SHARED_EFFECTS)
def test_a_state_moves_band_power_the_documented_way(
    state: State, band: str, region: str, size: float
) -> None:
    """On average over people, against the mean of the other two states."""
    where = SCALP_MAPS[region] > 0.6
    moves = []
    for person in range(1, 6):
        other = [band_log_power(s, person, band)[where].mean() for s in STATES if s != state]
        moves.append(band_log_power(state, person, band)[where].mean() - np.mean(other))
    assert np.sign(np.mean(moves)) == np.sign(size)
    assert abs(np.mean(moves)) > 0.25 * abs(size)


def test_people_differ_but_are_the_same_person_in_every_session() -> None:
    one, two = make_person(1), make_person(2)
    assert one.alpha_hz != two.alpha_hz
    assert not np.allclose(one.effects, two.effects)
    a = in_state("neutral", seed=1).signal(Modality.EEG).read(0, 100)
    b = in_state("neutral", seed=2).signal(Modality.EEG).read(0, 100)
    assert not np.allclose(a, b)
    assert make_person(1) is one


@pytest.mark.parametrize("seed", [1, 2])
def test_blinks_are_in_both_streams_at_the_same_time(seed: int) -> None:
    simulation = in_state("negative", seed=seed)
    gaze = simulation.signal(Modality.EYE).read(0, 60 * 120)
    eeg = simulation.signal(Modality.EEG).read(0, 60 * 1000)
    blinks = [e for e in simulation.events(0, 60) if e.kind == "blink"]
    assert len(blinks) > 5
    lost = np.zeros(gaze.shape[0], bool)
    for blink in blinks:
        assert 0.1 <= blink.end_s - blink.start_s <= 0.3
        a, b = (int(np.ceil(t * 120)) for t in (blink.start_s, blink.end_s))
        lost[a:b] = True
        during = eeg[int(blink.start_s * 1000) : int(blink.end_s * 1000), SEED_62.index("FPZ")]
        before = eeg[int(blink.start_s * 1000) - 250 : int(blink.start_s * 1000) - 50]
        assert during.max() - before[:, SEED_62.index("FPZ")].mean() > 50.0
    valid = [3, 7]
    np.testing.assert_array_equal(gaze[:, valid] == 0.0, np.stack([lost, lost], axis=1))
    np.testing.assert_array_equal(np.isnan(gaze[:, [0, 1, 2, 4, 5, 6]]).all(axis=1), lost)
    np.testing.assert_array_equal(np.isnan(gaze).any(axis=1), lost)


def test_the_truth_has_no_holes_and_saccades_keep_the_main_sequence() -> None:
    events = Simulation().events(3.0, 65.0)
    assert events[0].start_s <= 3.0
    assert events[-1].end_s >= 65.0
    for a, b in pairwise(events):
        assert a.end_s == b.start_s
        assert a.to_deg == b.from_deg
        assert a.kind != b.kind
    for e in events:
        if e.kind == "saccade":
            assert e.end_s - e.start_s == pytest.approx(0.0022 * e.amplitude_deg + 0.021)
        if e.kind == "fixation":
            assert e.end_s - e.start_s >= 0.0999


def test_gaze_follows_the_truth() -> None:
    simulation = Simulation()
    gaze = simulation.signal(Modality.EYE).read(0, 30 * 120)
    t_s = np.arange(gaze.shape[0]) / GAZE_RATE_HZ
    for event in simulation.events(0.0, 30.0):
        inside = (t_s >= event.start_s) & (t_s < event.end_s)
        if event.kind != "fixation" or not inside.any():
            continue
        seen = gaze[inside][:, [0, 1]].mean(axis=0)
        wanted = to_screen(np.array([event.to_deg]))[0]
        np.testing.assert_allclose(seen, wanted, atol=0.02)  # 0.02 of the screen: about 0.9 degrees
    assert np.nanmin(gaze[:, [0, 1]]) > 0.0
    assert np.nanmax(gaze[:, [0, 1]]) < 1.0
    assert np.nanmean(np.abs(gaze[:, 0] - gaze[:, 4])) < 0.01


def mean_of(events: tuple[EyeEvent, ...], kind: str) -> float:
    return float(np.mean([e.end_s - e.start_s for e in events if e.kind == kind]))


@pytest.mark.parametrize("person", [1, 2])
def test_states_move_the_eyes_the_documented_way(person: int) -> None:
    by_state = {s: in_state(s, person=person).events(0.0, 600.0) for s in STATES}
    fixation = {s: mean_of(e, "fixation") for s, e in by_state.items()}
    blinks = {s: sum(e.kind == "blink" for e in events) for s, events in by_state.items()}
    assert fixation["positive"] < fixation["neutral"] < fixation["negative"]
    assert blinks["positive"] < blinks["neutral"] < blinks["negative"]
    pupil = {
        s: np.nanmean(in_state(s, person=person).signal(Modality.EYE).read(0, 60 * 120)[:, 2])
        for s in STATES
    }
    assert pupil["neutral"] < min(pupil["positive"], pupil["negative"])


def test_mains_hum_has_the_amplitude_asked_for() -> None:
    quiet = in_state("neutral").signal(Modality.EEG).read(0, 10_000)
    loud = Simulation(1, 1, BlockSchedule((("neutral", 1000.0),)), mains_uv=20.0)
    hum = loud.signal(Modality.EEG).read(0, 10_000) - quiet
    assert np.sqrt(2) * hum.std(axis=0).mean() == pytest.approx(20.0, rel=0.1)
    assert abs(np.fft.rfft(hum[:, 0])).argmax() == 500
