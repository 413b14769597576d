"""People who are followed: a real service, real senders, real clients; what it says is of them."""

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import followed_people
import pytest
from followed_people import CROWDS, rows, suite_rows
from table import Row

from hadua.service.bench import started
from hadua.service.bench.effort import QUICK, THOROUGH
from hadua.service.bench.path import P50_WITHIN, P99_WITHIN

if TYPE_CHECKING:
    from hadua.service.answers import SessionInfo


def test_one_person_is_followed_and_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_people, "TURNS", 1)
    monkeypatch.setattr(started, "WARM_UP", 2)
    (row,) = rows((1,), seconds=4.0)
    assert row.name == "one person followed: last sample to client"
    assert row.measured
    assert 0.0 < row.p50 <= (row.p99 or 0.0)
    assert (row.target, row.target_p99) == (P50_WITHIN, P99_WITHIN)
    assert row.ratio == pytest.approx(row.p50 / float(row.floor.split()[2].rstrip(",")), rel=0.02)
    assert "versions took over; 0 chunks dropped" in row.setting
    (said,) = re.findall(r"followers (\d+) MB a person, (\S+) s of a processor", row.setting)
    mb, start_s = map(float, said)
    assert mb > 100.0  # one alone has torch to itself
    assert start_s > 0.1
    for stage in ("queue", "features", "model", "route"):
        assert f"{stage} " in row.setting


@pytest.mark.parametrize(
    ("state", "reason", "why"),
    [("failed", "no such stream", "no such stream"), ("running", "", "adaptation off")],
)
def test_whoever_is_not_followed_is_named(
    state: str, reason: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_people, "READY_WITHIN_S", 0.0)
    status = SimpleNamespace(state=state, reason=reason, adaptation="")
    still = [cast("SessionInfo", SimpleNamespace(id="p0", status=status))]
    with pytest.raises(SystemExit, match=f"p0 is {state} and not followed: {why}"):
        followed_people._wait_for_all(lambda: still)


def test_a_look_follows_one_person_and_a_run_as_many_as_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[tuple[tuple[int, ...], float]]()

    def noted(crowds: tuple[int, ...], *, seconds: float) -> list[Row]:
        asked.append((crowds, seconds))
        return []

    monkeypatch.setattr(followed_people, "rows", noted)
    suite_rows(QUICK)
    suite_rows(THOROUGH)
    assert asked == [((1,), QUICK.seconds), (CROWDS, THOROUGH.seconds)]
