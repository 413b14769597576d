"""A stream's state follows its silence, and its rate is what arrives."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, ramp

from hadua.adapters.sources.source import Channel, EndOfStreamError, StreamSpec
from hadua.models.errors import StreamLostError
from hadua.service.status import trouble
from hadua.service.watch import BACK_S, KEPT_S, StreamState, StreamWatch
from hadua.service.wire import StreamStatus


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
    now.s += 5.5
    watch.saw_chunk(ramp(EEG, 20, 30), arrived_s=now.s - 1.0)
    states.append(watch.state)
    watch.saw_lost(StreamLostError("gone"))
    states.append(watch.state)
    assert watch.sample_age_s == 1.0
    now.s += 3.0
    watch.saw_open(EEG)
    states.append(watch.state)
    watch.saw_chunk(ramp(EEG, 30, 40), arrived_s=now.s)
    states.append(watch.state)
    now.s += BACK_S + 0.1
    watch.saw_chunk(ramp(EEG, 40, 50), arrived_s=now.s - 1.0)
    states.append(watch.state)
    assert (watch.error, watch.change) == (None, "")
    assert watch.outages == 4
    assert watch.last_outage_s == pytest.approx(BACK_S - 0.9)
    assert states == [
        *("waiting", "found", "live", "stale", "back", "back", "lost", "stale", "back", "back"),
    ]


def test_a_stream_that_neither_sends_nor_answers_is_lost() -> None:
    now = Now()
    watch = StreamWatch(stale_s=2.0, clock=now)
    watch.saw_open(EEG)
    watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s)
    watch.saw_answer(False)
    states = [watch.state]  # as long as it sends
    now.s += 3.0
    states.append(watch.state)
    watch.saw_answer(True)
    states.append(watch.state)
    assert states == ["live", "lost", "stale"]


@pytest.mark.parametrize(
    ("now_it_is", "change"),
    [
        (replace(EEG, rate_hz=250.0), "250 Hz instead of 100"),
        (replace(EEG, channels=(Channel("CZ"),)), "1 channels instead of 2"),
        (replace(EEG, channels=(Channel("CZ"), Channel("OZ"))), "other channels: 'OZ' for 'PZ'"),
        (
            replace(EEG, channels=tuple(replace(c, unit="V") for c in EEG.channels)),
            "other units or kinds of channels",
        ),
        (replace(EEG, type="ExG"), "type 'ExG' instead of 'EEG'"),
        (replace(EEG, name="other", source_id="other"), ""),
        (EEG, ""),
    ],
)
def test_a_stream_that_comes_back_changed_stays_changed(now_it_is: StreamSpec, change: str) -> None:
    now = Now()
    watch = StreamWatch(stale_s=2.0, clock=now)
    watch.saw_open(EEG)
    watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s)
    watch.saw_lost(StreamLostError("gone"))
    watch.saw_open(now_it_is)
    watch.saw_chunk(ramp(EEG, 10, 20), arrived_s=now.s + 1.0)
    now.s += BACK_S + 1.5
    watch.saw_open(now_it_is)
    for _ in range(20):
        now.s += 1.0
        watch.saw_chunk(ramp(EEG, 20, 30), arrived_s=now.s)

    assert watch.change == change
    assert watch.state is (StreamState.CHANGED if change else StreamState.LIVE)
    assert watch.spec is now_it_is


def test_the_rate_of_a_stream_that_was_away_is_that_of_now() -> None:
    now = Now()
    watch = StreamWatch(stale_s=2.0, clock=now)
    watch.saw_open(EEG)
    for k in range(30):
        watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s + 0.1 * k)
    now.s += 5.0
    assert watch.effective_rate_hz is None
    for k in range(12):
        if k < 10:
            assert watch.effective_rate_hz is None  # a burst at the beginning says little
        watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s + 0.1 * k)
    assert watch.effective_rate_hz == pytest.approx(100.0)


def test_the_latest_seconds_are_kept_for_a_look() -> None:
    now = Now()
    watch = StreamWatch(stale_s=2.0, clock=now)
    watch.saw_open(EEG)
    for k in range(80):
        chunk = ramp(EEG, 10 * k, 10 * k + 10, gap_before=k == 70)
        watch.saw_chunk(replace(chunk, x=chunk.x + 1e5 + 1.0 / 3.0), arrived_s=now.s + 0.1 * k)

    kept = watch.recent
    assert [len(c) for c in kept] == [10] * len(kept)
    assert len(kept) == round(10 * KEPT_S) + 1
    assert [c.gap_before for c in kept].index(True) == len(kept) - 10
    last = ramp(EEG, 790, 800)
    np.testing.assert_array_equal(kept[-1].t_s, last.t_s)
    np.testing.assert_allclose(kept[-1].x, last.x + 1e5 + 1.0 / 3.0, rtol=1e-7)
    watch.saw_chunk(replace(last, x=np.full_like(last.x, 1e300)), arrived_s=now.s + 8.0)
    assert np.isinf(watch.recent[-1].x).all()
    watch.keep(5.5)  # a model of longer windows asks for more
    for k in range(90, 200):
        watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s + 0.1 * k)
    assert len(watch.recent) == pytest.approx(56, abs=1)
    watch.keep(0.5)
    watch.saw_chunk(ramp(EEG, 0, 10), arrived_s=now.s + 20.0)
    assert len(watch.recent) == pytest.approx(31, abs=1)


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
    watch = StreamWatch(stale_s=10.0, clock=Now())
    for k in range(max(50, 2 + ceil(1.1 * rate_hz / size))):
        watch.saw_chunk(ramp(EEG, 0, size), arrived_s=k * size / rate_hz)
    assert watch.effective_rate_hz == pytest.approx(rate_hz, rel=1e-6)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (StreamStatus(source="lsl:", state="live"), ""),
        (StreamStatus(source="lsl:", state="back", outages=1), ""),
        (StreamStatus(source="lsl:", state="lost"), "eye: the stream is lost"),
        (StreamStatus(source="lsl:", state="stale"), "eye: no samples at the moment"),
        (
            StreamStatus(source="lsl:", state="changed", change="60 Hz instead of 120"),
            "eye: came back changed (60 Hz instead of 120)",
        ),
        (
            StreamStatus(source="lsl:", state="stale", twins=1),
            "eye: no samples at the moment, 2 senders have its source_id: stop all but one",
        ),
    ],
)
def test_trouble_names_what_is_wrong(status: StreamStatus, words: str) -> None:
    assert trouble("eye", status) == words
