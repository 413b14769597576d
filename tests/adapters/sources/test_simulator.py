"""The simulator as a `Source`: deterministic, paced, and one origin for both streams."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import ORIGIN_S, StepClock, drain, joined, paced, unpaced

from hadua.adapters.devices.gaze import map_gaze
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.simulator import Simulation, SimulatorSource, make_pair, make_source
from hadua.adapters.sources.source import EndOfStreamError, Source
from hadua.models.errors import StreamLostError, UsageError
from hadua.models.features import Modality

BOTH = pytest.mark.parametrize("modality", list(Modality))
LONG = {Modality.EEG: 6000, Modality.EYE: 3000}


@BOTH
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_samples_do_not_depend_on_how_they_are_read(
    modality: Modality, data: st.DataObject
) -> None:
    n = LONG[modality]
    whole = Simulation().signal(modality).read(0, n)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=12, unique=True)))
    spans = data.draw(st.permutations(list(pairwise(cuts))))

    signal = Simulation().signal(modality)

    for a, b in spans:
        for _ in range(data.draw(st.integers(0, 5))):
            signal.work(a)
        np.testing.assert_array_equal(signal.read(a, b), whole[a:b])


@BOTH
@pytest.mark.parametrize("chunk_s", [0.009, 0.02, 0.37])
def test_a_source_delivers_the_signal_with_exact_stamps(modality: Modality, chunk_s: float) -> None:
    source = unpaced(modality, duration_s=2.5, chunk_s=chunk_s)

    chunks = drain(source)

    rate_hz = chunks[0].spec.rate_hz
    n = round(2.5 * rate_hz)
    t_s = np.concatenate([c.t_s for c in chunks])
    np.testing.assert_array_equal(t_s, ORIGIN_S + np.arange(n) / rate_hz)
    np.testing.assert_array_equal(joined(chunks)[1], Simulation().signal(modality).read(0, n))
    assert source.health().samples == n
    assert not any(c.gap_before for c in chunks)
    source = unpaced(modality, duration_s=0.1)
    drain(source)
    assert isinstance(source, Source)


def test_the_end_is_told_again_and_again() -> None:
    source = unpaced(Modality.EEG, duration_s=0.02)
    source.open(1.0)
    assert source.read(0.0) is not None
    for _ in range(2):
        with pytest.raises(EndOfStreamError, match=r"its 0.02 s are over"):
            source.read(0.0)


@BOTH
def test_a_paced_chunk_comes_when_its_last_sample_is_due(modality: Modality) -> None:
    clock = StepClock()
    source = paced(modality, clock)
    source.open(1.0)
    for _ in range(30):
        chunk = source.read(1.0)
        assert chunk is not None
        assert chunk.t_s[-1] <= clock.now_s + 1e-9
        assert clock.now_s - chunk.t_s[-1] < 1e-6


def test_a_read_gives_up_at_its_timeout() -> None:
    clock = StepClock()
    source = paced(Modality.EEG, clock)
    source.open(1.0)
    source.read(1.0)
    before_s = clock.now_s

    assert source.read(0.004) is None
    assert clock.now_s == pytest.approx(before_s + 0.004)


def test_a_late_reader_joins_where_the_participant_is() -> None:
    clock = StepClock(ORIGIN_S + 12.3456)
    source = paced(Modality.EEG, clock)
    source.open(1.0)

    chunk = source.read(1.0)

    assert chunk is not None
    first = 12346
    assert chunk.t_s[0] == ORIGIN_S + first / 1000.0
    signal = Simulation().signal(Modality.EEG)
    np.testing.assert_array_equal(chunk.x, signal.read(first, first + len(chunk)))


def test_close_wakes_a_reader() -> None:
    clock = StepClock()

    def closed_meanwhile(seconds: float) -> None:
        clock.wait(seconds)
        source.close()

    source = SimulatorSource(
        Simulation(),
        modality=Modality.EEG,
        origin_s=ORIGIN_S,
        clock=clock,
        wait=closed_meanwhile,
    )
    source.open(1.0)

    assert source.read(0.001) is None
    assert len(clock.waits) == 1
    with pytest.raises(StreamLostError, match=r"not open"):
        source.read(5.0)


def test_the_streams_of_one_participant_share_their_origin() -> None:
    clock = StepClock(5.0)
    options = {"person": "3", "seed": "9"}
    eeg = make_source(options, modality=Modality.EEG, clock=clock)
    clock.now_s = 6.0
    gaze = make_source(options | {"faults": "gap@1+1"}, modality=Modality.EYE, clock=clock)
    other = make_source({"person": "4"}, modality=Modality.EYE, clock=clock)

    assert eeg.origin_s == gaze.origin_s == 5.0
    assert other.origin_s == 6.0
    first, second = make_pair(Simulation(3), clock=clock)
    assert first.origin_s == second.origin_s == 6.0
    assert first.faults is second.faults


def test_the_streams_are_understood_as_62_channels_and_two_eyes() -> None:
    eeg, gaze = (s.open(1.0) for s in make_pair(Simulation(), speed=None))

    assert eeg.labels == SEED_62
    assert (eeg.rate_hz, gaze.rate_hz) == (1000.0, 120.0)
    assert map_eeg(eeg, SEED_62).report.coverage == 1.0
    assert map_eeg(eeg, SEED_62).report.assumed_units == ()
    mapping = map_gaze(gaze, screen=Screen())
    assert mapping.report.problem == ""


def test_the_registry_makes_it() -> None:
    text = "sim:person=3,seed=1,faults=gap@30+5;flat:FP1@60,schedule=neutral*5|positive*5"
    source = parse_source(text, modality=Modality.EEG)
    assert isinstance(source, SimulatorSource)
    assert source.description == text
    assert source.state_at(6.0) == "positive"
    assert len(source.faults.at(Modality.EEG, now_s=0.0)) == 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"persn": "3"}, r"'persn'.*expected one of person, seed, schedule"),
        ({"person": "x"}, r"'person': got 'x', expected number"),
        ({"person": "-1"}, r"person=-1.*from 0 on"),
        ({"seed": "1.5"}, r"'seed': got '1.5'"),
        ({"speed": "0"}, r"'speed': got 0.0, expected above 0"),
        ({"duration": "nan"}, r"'duration': got 'nan'"),
        ({"duration": "-2"}, r"'duration': got -2.0, expected above 0"),
        ({"schedule": "happy*3"}, r"schedule.*'happy\*3'.*STATE\*SECONDS"),
        ({"schedule": "neutral"}, r"schedule.*'neutral'"),
        ({"schedule": "demo*-3"}, r"schedule.*rest of -3.0 s"),
        ({"faults": "gaap@3"}, r"'gaap'.*one of gap, freeze"),
        ({"faults": "gap"}, r"'gap'.*KIND"),
        ({"faults": "flat:XX@3"}, r"target 'XX'.*FP1"),
        ({"faults": "eeg.off-screen@3"}, r"off-screen on eye only"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, str], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make_source(options, modality=Modality.EEG)
