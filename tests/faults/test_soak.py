"""A load that is held: nothing piles up, nothing is left behind, and no invariant is broken."""

import asyncio
from pathlib import Path

import pytest
from support.keeping import new_data_folder
from support.soaking import Soak, soak

SPARE_FILES = 8


def require_nothing_left(done: Soak) -> None:
    """Threads, tasks and files are as many as before the first session."""
    assert done.before is not None
    assert done.left is not None
    assert done.left.tasks <= done.before.tasks + 2
    assert done.left.files <= done.before.files + SPARE_FILES
    assert done.left.threads <= done.before.threads + 4  # of pools that stay


def test_a_moment_of_load_leaves_nothing_behind(tmp_path: Path) -> None:
    done = asyncio.run(
        soak(
            new_data_folder(tmp_path / "data"),
            minutes=0.0, seed=3, people=4, clients=20, learning=False, least_steps=30,
        )
    )  # fmt: skip

    require_nothing_left(done)
    assert done.play.checks.windows > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_minutes_of_load_leave_nothing_behind_and_do_not_grow(tmp_path: Path) -> None:
    done = asyncio.run(
        soak(
            new_data_folder(tmp_path / "data"),
            minutes=10.0, seed=1, people=10, clients=100, learning=True,
        )
    )  # fmt: skip

    require_nothing_left(done)
    assert done.growth_mb_an_hour() < 200.0  # ten minutes tell no more
