"""Rows say what was promised of them, and what could not be measured; pairs are timed in turn."""

import pytest

from hadua.service.bench.comparison import Comparison, Other
from hadua.service.bench.row import Row, machine, markdown, missed
from hadua.service.bench.timing import Pace, Quantiles, in_turn


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("no promise", 9.0, 9.0, "us", "other", 9.0), None),
        (Row("ratio", 9.0, 9.0, "us", "other", 1.3, target=1.3), True),
        (Row("ratio", 9.0, 9.0, "us", "other", 1.31, target=1.3), False),
        (Row("value", 9.0, None, "MB", target=10.0), True),
        (Row("value", 11.0, None, "MB", target=10.0), False),
        (Row("tail", 1.0, 9.0, "ms", "o", 1.0, target=1.6, ratio_p99=4.1, target_p99=4.0), False),
        (Row("tail", 1.0, 9.0, "ms", "o", 1.0, target=1.6, ratio_p99=3.9, target_p99=4.0), True),
        (Row.missing("gone", "it is not here"), None),
    ],
)
def test_a_target_is_of_the_ratio_or_else_of_the_value(row: Row, met: bool | None) -> None:
    assert row.met is met
    assert missed([row]) == ([row] if met is False else [])


def test_the_table_says_what_is_missed_and_what_was_not_measured() -> None:
    rows = [
        Row("de", 1.234, None, "us", "rfft: 1", 1.5, "hot", target=1.3),
        Row.missing("peer", "it is not here"),
    ]

    text = markdown(rows, {"cpu": "made up"})

    assert "| de | 1.23 |  |  | us | 1.5 | rfft: 1 | 1.3: **missed** | hot |" in text
    assert "not measured: it is not here" in text
    assert "nan" not in text


def test_the_machine_says_what_a_reader_needs() -> None:
    assert {"cpu", "cores", "system", "python", "numpy", "hadua", "load"} <= set(machine())


def test_calls_are_timed_in_turn_and_as_often_as_asked() -> None:
    made: list[str] = []
    q = in_turn({"a": lambda: made.append("a"), "b": lambda: made.append("b")}, rounds=3)

    assert "".join(made) == "aaabbb" + "ababab"  # warmed up first
    assert q["a"].n == q["b"].n == 3
    assert q["a"].p999 is None  # of three nobody knows


def test_a_thousandth_is_known_of_a_thousand() -> None:
    q = Quantiles.of(range(1001))

    assert (q.p50, q.p99, q.p999) == (500.0, 990.0, 999.0)


def test_a_peer_that_is_not_here_says_so_and_the_others_are_measured() -> None:
    others = (Other("floor", lambda: None, 1e9), Other("peer", why="it is not here"))

    floor, peer = Comparison("nothing", lambda: None, others, Pace(5)).rows()

    assert floor.met is True
    assert floor.floor.startswith("floor: ")
    assert (peer.name, peer.measured) == ("nothing, against peer", False)
