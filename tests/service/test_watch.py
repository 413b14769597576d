"""A stream's state follows its silence, and its rate is what arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, ramp

from hadua.adapters.sources.source import EndOfStreamError
from hadua.models.errors import StreamLostError
from hadua.models.features import Modality
from hadua.service.status import degradation
from hadua.service.watch import StreamState, StreamWatch


class Now:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def test_the_life_of_a_stream() -> None:
    now = Now()
    watch = StreamWatch(stale_s=2.0, clock=now)
    states = [watch.state]
    watch.saw_open(EEG)
    states.append(watch.state)
    watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s)
    states.append(watch.state)
    now.s += 2.5
    assert watch.sample_age_s == 2.5
    states.append(watch.state)
    watch.saw_chunk(ramp(EEG, 10, 20), arrived_s=now.s)
    states.append(watch.state)
    watch.saw_end(StreamLostError("gone"))
    states.append(watch.state)
    assert states == ["waiting", "found", "live", "stale", "live", "lost"]


def test_a_stream_that_never_sends_is_stale_and_has_no_age() -> None:
    now = Now()
    watch = StreamWatch(stale_s=2.0, clock=now)
    watch.saw_open(EEG)
    now.s += 3.0
    assert watch.state is StreamState.STALE
    assert watch.sample_age_s is None
    assert watch.effective_rate_hz is None


def test_an_exhausted_stream_has_ended_and_is_not_lost() -> None:
    watch = StreamWatch(stale_s=2.0, clock=Now())
    watch.saw_end(EndOfStreamError("over"))
    assert watch.state is StreamState.ENDED


@given(rate_hz=st.floats(10.0, 2000.0), size=st.integers(1, 50))
def test_the_effective_rate_is_that_of_arrival(rate_hz: float, size: int) -> None:
    watch = StreamWatch(stale_s=2.0, clock=Now())
    for k in range(50):
        watch.saw_chunk(ramp(EEG, 0, size), arrived_s=k * size / rate_hz)
    assert watch.effective_rate_hz == pytest.approx(rate_hz, rel=1e-6)


def test_degradation_names_each_stream_in_trouble() -> None:
    states = {Modality.EEG: StreamState.LIVE, Modality.EYE: StreamState.LOST}
    assert degradation(states) == "eye: the stream is lost"
    assert degradation({Modality.EEG: StreamState.LIVE}) == ""
