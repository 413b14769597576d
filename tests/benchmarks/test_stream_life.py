"""A stream that goes, comes back, or comes back changed: everybody knows, and no answer is wrong.

The benchmark's five senders, as processes of their own over real LSL. Its figures on lag and time
are rows; here they are bounded only as far as a busy machine allows.
"""

import asyncio
from pathlib import Path

import pytest
from five_senders import FAULTS
from stream_life import HOP_S, WINDOW_S, Life, live
from stream_outcomes import PLACES, ROUGHLY_S, Outcome

KNOWN_WITHIN_S = 2.0
FORGOTTEN_S = 3.0  # one answer that does not come is no absence: liblsl asks every 1.3 s
BUSY_S = 1.0  # for a machine that has other things to do


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    return asyncio.run(live(tmp_path_factory.mktemp("life"), rounds=1, frozen_s=4.5))


@pytest.fixture(params=FAULTS)
def outcome(life: Life, request: pytest.FixtureRequest) -> Outcome:
    return next(o for o in life.outcomes if o.fault == request.param)


def assert_right(outcome: Outcome, *, within_s: float) -> None:
    assert all(0.0 <= s <= within_s for s in outcome.noticed_s.values()), outcome
    well_within_s = within_s + FORGOTTEN_S * (outcome.fault == "doubled")
    assert all(-ROUGHLY_S <= s <= well_within_s for s in outcome.well_s.values()), outcome
    assert outcome.logged == (1, 1)
    assert outcome.straddling == 0
    if outcome.fault != "doubled":
        assert set(outcome.noticed_s) == set(PLACES)
        assert outcome.resumed_s is not None
        assert outcome.resumed_s <= WINDOW_S + HOP_S + within_s - KNOWN_WITHIN_S


def test_it_is_known_everywhere_and_no_answer_reaches_across(outcome: Outcome) -> None:
    assert_right(outcome, within_s=KNOWN_WITHIN_S + BUSY_S)


def test_only_what_came_back_otherwise_has_changed(life: Life) -> None:
    states = {o.fault: o.state for o in life.outcomes}

    assert states == {
        "killed": "back", "frozen": "back", "doubled": "live",
        "relabelled": "changed", "another-rate": "changed",
    }  # fmt: skip


def test_the_event_loop_turned_all_the_while(life: Life) -> None:
    assert life.lag_within_50_ms > 0.9


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_twenty_seconds_each_and_five_times(tmp_path: Path) -> None:
    long = asyncio.run(live(tmp_path, rounds=5, frozen_s=20.0))

    assert len(long.outcomes) == 5 * len(FAULTS)
    for outcome in long.outcomes:
        assert_right(outcome, within_s=KNOWN_WITHIN_S + BUSY_S)
    assert long.lag_within_50_ms > 0.9
