"""What is said of many people is of those that were served, and targets stand where promised."""

import mmap
from dataclasses import replace
from pathlib import Path

import bare_people
import psutil
import pytest
from many_people import (
    FLAT,
    LONGEST_S,
    MEMORY_MB,
    RATES,
    Rate,
    Served,
    _cost,
    _latency,
    _told_by,
    rows,
    serve,
    suite_rows,
)
from many_people import QUICK as FEW
from many_people import SERVED as SERVED_BY
from served_people import _own_bytes
from table import Row

from hadua.service.bench.effort import QUICK, THOROUGH

SERVED = Served(64, 1.0, 1300, 1280, 8.0, 2.0, 9.0, 20.0, 3, 3.5, 0.5, 0.0)
RATE = Rate(1.0, (1, 64), 100)
LIBRARY_BYTES = 32 * 2**20
BARE = '{"hot_p50_ms": 1, "hot_p99_ms": 2, "paced_p50_ms": 4, "paced_p99_ms": 5}'


def test_two_people_are_served_by_a_process_of_their_own() -> None:
    served = serve(2, hop_s=0.5, seconds=3.0)
    assert (served.people, served.hop_s, served.expected) == (2, 0.5, 12)
    assert served.windows >= 6  # of a machine that others use
    assert 0.0 < served.p50_ms <= served.p99_ms <= served.p999_ms
    assert served.per_person_ms > 0.0
    assert served.learners_mb == 0.0


def test_a_program_that_fails_says_which() -> None:
    with pytest.raises(SystemExit, match=r"served_people\.py .*\"hop_s\": -1.* ended with 1"):
        serve(1, hop_s=-1.0, seconds=0.1)


def test_a_program_that_takes_too_long_says_which() -> None:
    with pytest.raises(SystemExit, match=r"served_people\.py .* took 0\.01 s"):
        _told_by(SERVED_BY, {}, timeout_s=0.01)


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere nobody tells files' pages apart")
def test_pages_of_files_are_nobodys_memory(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.write_bytes(bytes(LIBRARY_BYTES))
    process = psutil.Process()
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        before = _own_bytes(process)
        assert sum(pages[:: mmap.PAGESIZE]) == 0  # now all of them are here
        assert _own_bytes(process) - before < LIBRARY_BYTES / 4
    # New pages: what `bytes` takes may have been freed before, and counted all the time.
    with mmap.mmap(-1, LIBRARY_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as own:
        own.write(b"x" * LIBRARY_BYTES)
        assert _own_bytes(process) - before > LIBRARY_BYTES / 2


def test_targets_are_what_was_promised() -> None:
    cost, window, memory = _cost(SERVED, RATE, bare_ms=4.0)
    assert (cost.target, cost.met) == (10.0, True)
    assert cost.setting.startswith("125 people per core; 1300 windows of 1280; 3 chunks dropped")
    assert (window.p50, window.ratio) == (8.0, 2.0)
    assert (memory.target, memory.met) == (MEMORY_MB, True)
    p50, p99, p999 = _latency(SERVED)
    assert [row.met for row in (p50, p99, p999)] == [True, False, True]
    assert p50.p999 == 20.0
    (few,) = _latency(replace(SERVED, people=8, windows=160))
    assert few.target is None
    assert few.p999 is None  # a hundred and sixty do not tell
    for row in _cost(replace(SERVED, people=1), RATE, bare_ms=4.0):
        assert row.target is None  # of many it was promised
        assert row.name.startswith("one person, 1 a second")


def test_windows_that_did_not_come_are_no_thrift() -> None:
    half = replace(SERVED, windows=640, expected=1280)
    cost, window, _ = _cost(half, RATE, bare_ms=4.0)
    assert (cost.p50, cost.met) == (16.0, False)
    assert cost.setting.startswith("62 people per core; 640 windows of 1280")
    assert (window.p50, window.ratio) == (16.0, 4.0)
    assert replace(SERVED, windows=1400).whole_ms == SERVED.per_person_ms  # of a backlog, too


def test_a_crowd_is_compared_with_one_person(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {1: 16.0, 64: 8.0}

    def served(people: int, *, hop_s: float, seconds: float) -> Served:
        return replace(SERVED, people=people, per_person_ms=costs[people])

    monkeypatch.setattr("many_people.serve", served)
    monkeypatch.setattr("many_people._told_by", lambda *asked, timeout_s: BARE)
    found = list(rows((RATE,), seconds=1.0))
    assert [row.setting.split(";")[0] for row in found[:2]] == ["hot", "paced, 20 ms apart"]
    (flat,) = (row for row in found if row.name == "64 people, 1 a second: processor of each")
    assert (flat.ratio, flat.target) == (0.5, FLAT)
    (window,) = (row for row in found if row.name == "64 people, 1 a second: processor of a window")
    assert window.ratio == 2.0


def test_a_crowd_that_is_too_much_is_a_row_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def served(people: int, *, hop_s: float, seconds: float) -> Served:
        if people == 64:
            raise SystemExit("no answer from 64")
        return replace(SERVED, people=people)

    monkeypatch.setattr("many_people.serve", served)
    monkeypatch.setattr("many_people._told_by", lambda *asked, timeout_s: BARE)
    found = list(rows((replace(RATE, crowds=(1, 64, 100)),), seconds=1.0))
    (failed,) = (row for row in found if not row.measured)
    assert failed.name == "64 people, 1 a second"
    assert "no answer from 64" in failed.setting
    assert any(row.name.startswith("100 people") for row in found)


def test_to_measure_for_less_long_serves_no_fewer_people(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[tuple[Rate, ...], float]]()

    def noted(rates: tuple[Rate, ...], *, seconds: float) -> list[Row]:
        asked.append((rates, seconds))
        return []

    monkeypatch.setattr("many_people.rows", noted)
    for effort in (THOROUGH, replace(THOROUGH, seconds=5.0), QUICK):
        assert suite_rows(effort) == []
    assert asked == [(RATES, LONGEST_S), (RATES, 5.0), (FEW, QUICK.seconds)]


def test_the_bare_work_answers_every_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_people, "WINDOWS", 6)
    monkeypatch.setattr(bare_people, "PACE_S", 0.001)
    timed = bare_people.measured(2, hop_s=0.5)
    assert 0.0 < timed["hot_p50_ms"] <= timed["hot_p99_ms"]
    assert 0.0 < timed["paced_p50_ms"] <= timed["paced_p99_ms"]
