"""Whether today is worse than before: made-up histories, and the file that keeps real ones."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hadua.service.bench.history import (
    LATEST_RUNS,
    LEAST_RUNS,
    MARGIN,
    HistoryError,
    Run,
    append,
    key_of,
    ratios_of,
    read,
    worse_than_before,
)
from hadua.service.bench.row import Row

MACHINE = {"cpu": "made up", "cores": "2"}
KEY = "de | rfft | hot"


def run(ratio: float, *, machine: dict[str, str] | None = None, key: str = KEY) -> Run:
    return Run("2026-11-27T00:00:00+00:00", "abc", machine or MACHINE, {key: ratio})


def runs(*ratios: float) -> list[Run]:
    return [run(ratio) for ratio in ratios]


@pytest.mark.parametrize(
    ("before", "now", "is_worse"),
    [
        ((), 9.0, False),
        ((1.0,) * (LEAST_RUNS - 1), 9.0, False),  # that is no history yet
        ((1.0, 1.0, 1.0), 1.29, False),
        ((1.0, 1.0, 1.0), 1.31, True),
        ((1.0, 1.0, 9.0), 1.31, True),  # one bad hour moves no median
        ((9.0, 1.0, 9.0), 1.31, False),
        ((1.0, 1.0, 1.0), 0.1, False),
        ((9.0,) * 9 + (1.0,) * LATEST_RUNS, 1.31, True),  # what was long ago is no excuse
    ],
)
def test_a_ratio_is_worse_above_the_margin_over_the_median(
    before: Sequence[float], now: float, is_worse: bool
) -> None:
    assert MARGIN == 1.3
    found = worse_than_before(run(now), runs(*before))

    assert [worse.key for worse in found] == [KEY] * is_worse


def test_what_is_said_of_it() -> None:
    (worse,) = worse_than_before(run(2.0), runs(1.0, 1.0, 1.1))

    assert str(worse) == f"{KEY}: 2, 2.00 times the median 1 of 3 runs (at most 1.3)"


def test_another_machine_and_another_row_are_no_history() -> None:
    elsewhere = [run(1.0, machine={"cpu": "made up", "cores": "64"})] * 5
    of_another = [run(1.0, key="another")] * 5

    assert worse_than_before(run(9.0), [*elsewhere, *of_another]) == []


def test_a_row_keeps_its_key_when_its_figures_change() -> None:
    one = Row("de", 1.0, 2.0, "us", "rfft: 1.2, p99 3.4", 0.8, "paced, 20 ms apart; 5 windows")
    other = Row("de", 7.0, 9.0, "us", "rfft: 5.6, p99 7.8", 1.2, "paced, 20 ms apart; 9 windows")

    assert key_of(one) == key_of(other) == "de | rfft | paced"


def test_only_ratios_are_compared() -> None:
    rows = [Row("a", 1.0, None, "s"), Row("b", 1.0, None, "s", "c", 0.5), Row.missing("d", "gone")]

    assert ratios_of(rows) == {"b | c | ": 0.5}


def test_the_file_only_grows_and_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "results" / "history.jsonl"
    rows = [Row("de", 1.0, 2.0, "us", "rfft: 1", 1.25, "hot"), Row.missing("peer", "not here")]
    assert read(path) == []

    for commit in ("first", "second"):
        before = path.read_bytes() if path.exists() else b""
        append(path, Run("2026", commit, MACHINE, ratios_of(rows)), rows)
        assert path.read_bytes().startswith(before)

    assert [r.commit for r in read(path)] == ["first", "second"]
    assert read(path)[0].ratios == {KEY: 1.25}
    assert "NaN" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{", "[]", '{"when": 1}', "null"])
def test_a_line_that_is_no_run_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "history.jsonl"
    append(path, run(1.0), [])
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")

    with pytest.raises(HistoryError, match="line 2"):
        read(path)
