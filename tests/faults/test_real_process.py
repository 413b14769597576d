"""Random days of a real process, over REST and by signals; what anybody outside can see holds."""

import sys
from pathlib import Path

import pytest
from support.lsl_day import LSL_WEIGHTS, LslDay
from support.real_booth import require_nothing_damaged
from support.real_scenario import WEIGHTS, RealDay

LSL_FIRST = ("sender", "start", "wait", "freeze", "lose", "marker", "swap", "wait", "stop")
FIRST = ("start", "wait", "marker", "roll back", "kill", "start", "consent", "erase")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and SIGSTOP")


def test_a_dozen_things_that_happen_to_a_real_process_break_nothing(tmp_path: Path) -> None:
    day = RealDay(tmp_path, seed=1)
    day.play(12, first=FIRST)

    assert day.kills == 1
    assert day.acknowledged["participant erased"] == 1
    require_nothing_damaged(tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(8))
def test_long_days_of_a_real_process_break_nothing(seed: int, tmp_path: Path) -> None:
    day = RealDay(tmp_path, seed=seed)
    day.play(150)

    assert day.kills > 0
    assert set(day.happened) == set(WEIGHTS)
    require_nothing_damaged(tmp_path)


def test_lsl_senders_that_freeze_die_and_come_back_as_others_break_nothing(tmp_path: Path) -> None:
    day = LslDay(tmp_path, seed=2)
    day.play(len(LSL_FIRST), first=LSL_FIRST)

    assert day.answered == 2  # by the first device, and by the one that came back
    assert day.markers
    require_nothing_damaged(tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_long_days_with_lsl_senders_break_nothing(seed: int, tmp_path: Path) -> None:
    day = LslDay(tmp_path, seed=seed)
    day.play(150)

    assert day.kills > 0
    assert set(day.happened) == set(LSL_WEIGHTS)
    require_nothing_damaged(tmp_path)
