"""A real service, killed at random moments: what it has acknowledged is there in its next life."""

import sys
from pathlib import Path

import pytest
from restarts import restarts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9")


def test_a_few_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    outcome = restarts(tmp_path, kills=3, seed=7, longest_s=1.5, say=lambda line: None)

    assert outcome.lost == []
    assert outcome.kills == 3
    assert outcome.acknowledged["frames"] > 0
    assert outcome.acknowledged["markers"] > 0


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_kills_lose_nothing_and_it_is_soon_ready_again(tmp_path: Path) -> None:
    outcome = restarts(tmp_path, kills=200, seed=1, say=lambda line: None)

    assert outcome.lost == []
    assert outcome.kills == 200
    assert outcome.versions > 0
    assert sorted(outcome.ready_s)[len(outcome.ready_s) // 2] < 3.0  # of a machine that is its own
