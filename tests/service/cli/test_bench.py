"""`hadua bench` says its rows, keeps them, and ends with 1 where a ratio got worse."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hadua.service.bench import suite
from hadua.service.bench.effort import Effort
from hadua.service.bench.row import Row
from hadua.service.bench.suite import Group
from hadua.service.cli.main import build

Bench = Callable[..., Result]


def made_up(ratios: Iterator[float]) -> Group:
    def rows(effort: Effort) -> list[Row]:
        return [
            Row("de", 2.0, 3.0, "us", "rfft: 1", next(ratios), "hot", target=1.3),
            Row.missing("peer", "it is not here"),
        ]

    return Group("made up", rows)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    ratios = iter((1.2, 1.2, 1.3, 1.5, 1.7))
    monkeypatch.setattr(suite, "GROUPS", {"made-up": made_up(ratios)})

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(
            build(["bench"]), ["bench", *words, "--results", str(tmp_path / "results")]
        )

    return invoke


def test_a_history_grows_until_a_ratio_is_worse(bench: Bench, tmp_path: Path) -> None:
    codes = [bench("--save", "--check").exit_code for _ in range(4)]
    worse = bench("made-up", "--check")

    assert codes == [0, 0, 0, 0]
    assert worse.exit_code == 1
    assert "worse than before: de | rfft | hot: 1.7" in worse.output
    history = (tmp_path / "results" / "history.jsonl").read_text(encoding="utf-8")
    assert len(history.splitlines()) == 4
    assert "**missed**" in (tmp_path / "results" / "latest.md").read_text(encoding="utf-8")


def test_for_programs(bench: Bench, tmp_path: Path) -> None:
    result = bench("made-up", "--json")

    said = json.loads(result.stdout)
    assert said["worse"] == []
    assert said["rows"][0]["ratio"] == 1.2
    assert said["rows"][0]["met"] is True
    assert said["rows"][1]["p50"] is None
    assert not (tmp_path / "results").exists()  # nothing is kept that nobody asked to keep


@pytest.mark.parametrize(
    ("words", "said"),
    [(("ears",), "expected any of made-up"), (("--seconds", "0"), "1 to 86400")],
)
def test_bad_usage_ends_with_2(bench: Bench, words: tuple[str, ...], said: str) -> None:
    result = bench(*words)

    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_package_has_no_history_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(suite, "CLONE", tmp_path)

    result = CliRunner().invoke(build(["bench"]), ["bench", "eyes", "--check"])

    assert result.exit_code == 2
    assert "--results" in result.output
