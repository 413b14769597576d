"""Random days of a real process, over REST and by signals; what anybody outside can see holds."""

import sys
from pathlib import Path

import pytest
from support.real_booth import require_nothing_damaged
from support.real_scenario import WEIGHTS, RealDay

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
