"""Markers of a simulated participant: each true state once, whoever asks and how often."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.simulated import ORIGIN_S, unpaced

from hadua.adapters.sources.simulated_markers import StateMarkers
from hadua.adapters.sources.simulated_states import BlockSchedule, DemoSchedule, Schedule
from hadua.adapters.sources.simulator import Simulation, make_pair
from hadua.adapters.sources.source import MarkedSource, Marker
from hadua.models.features import Modality

LENGTHS_S = st.floats(0.05, 5.0)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(("negative", "neutral", "positive")), LENGTHS_S),
    min_size=1,
    max_size=5,
)
SCHEDULES: st.SearchStrategy[Schedule] = st.one_of(
    st.builds(BlockSchedule, BLOCKS.map(tuple)),
    st.builds(DemoSchedule, st.integers(0, 1000), st.floats(0.0, 30.0)),
)
STEPS_S = st.lists(st.floats(0.0, 40.0), min_size=1, max_size=20)


@given(schedule=SCHEDULES, steps_s=STEPS_S, origin_s=st.floats(-1e5, 1e5))
def test_however_it_is_asked_each_change_comes_once_in_order_and_in_time(
    schedule: Schedule, steps_s: list[float], origin_s: float
) -> None:
    asked, told = StateMarkers(schedule, origin_s=origin_s), []
    now_s = origin_s
    for step_s in steps_s:
        now_s += step_s
        new = asked.until(now_s)
        told += new
        assert all(m.t_s <= now_s for m in new)
        before_a_rounding = schedule.block_at(max(0.0, now_s - origin_s - 1e-5)).state
        after_one = schedule.block_at(now_s - origin_s + 1e-5).state
        assert told[-1].text.removeprefix("state=") in (before_a_rounding, after_one)

    assert all(a.t_s < b.t_s and a.text != b.text for a, b in pairwise(told))
    at_once = StateMarkers(schedule, origin_s=origin_s)
    assert [*at_once.until(origin_s + steps_s[0]), *at_once.until(now_s)] == told


def test_before_the_person_is_there_nothing_is_said() -> None:
    markers = StateMarkers(DemoSchedule(1), origin_s=ORIGIN_S)
    assert markers.until(ORIGIN_S - 0.001) == []
    assert markers.until(ORIGIN_S) == [Marker(ORIGIN_S, "state=neutral")]


def test_both_streams_of_a_person_tell_the_same() -> None:
    pair = make_pair(Simulation(schedule=DemoSchedule(1, rest_s=20.0)), origin_s=ORIGIN_S)
    told = []
    for source, step_s in zip(pair, (0.02, 1 / 120), strict=True):
        assert isinstance(source, MarkedSource)
        n = round(120.0 / step_s)
        told.append([m for k in range(n) for m in source.markers(ORIGIN_S + (k + 1) * step_s)])
    assert told[0] == told[1]
    assert len(told[0]) >= 4


def test_who_comes_later_hears_first_what_holds_then() -> None:
    schedule = BlockSchedule((("neutral", 2.0), ("positive", 3.0)))
    source = unpaced(
        Modality.EEG, duration_s=1.0, simulation=Simulation(schedule=schedule), chunk_s=0.1
    )
    first, *rest = source.markers(ORIGIN_S + 4.0)
    assert first.t_s == pytest.approx(ORIGIN_S + 2.0)
    assert first.text == "state=positive"
    assert rest == []
