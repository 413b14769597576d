"""`hadua certify` as a user runs it, with its own processes over LSL."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hadua.service.cli.main import build


def run(*args: object) -> Result:
    said = [str(a) for a in args]
    return CliRunner().invoke(build(["certify"]), ["certify", *said])


def test_a_short_run_gives_a_certificate_that_can_be_checked(tmp_path: Path) -> None:
    folders = ("--data-dir", tmp_path / "data")
    out = tmp_path / "out"
    # Limits that any machine holds: what is tested is the measurement.
    wide = ("--p99-ms", 1e5, "--p999-ms", 1e5, "--lag-ms", 1e5, "--lost", 10**6)

    result = run(
        *("--minutes", 0.05, "--people", "1", "--rate", 250, "--out", out, "--json"),
        *folders,
        *wide,
    )

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == json.loads((out / "certificate.json").read_text(encoding="utf-8"))
    (level,) = told["levels"]
    assert (level["people"], level["channels"], level["rate_hz"]) == (1, 62, 250.0)
    assert 3 <= level["decisions"] <= 8  # two a second
    assert level["decisions_labelled"] > 0
    assert 0.0 < level["arrival_to_client_ms"]["p50"] <= level["arrival_to_client_ms"]["longest"]
    assert level["arrival_to_client_ms"]["p50"] <= level["window_end_to_client_ms"]["p99"]
    assert "What this machine holds" in (out / "certificate.html").read_text(encoding="utf-8")

    checked = run("--check", out / "certificate.json", *folders)
    assert checked.exit_code == 0, checked.stderr
    (out / "certificate.json").write_text(
        json.dumps(told | {"passed": not told["passed"]}), encoding="utf-8"
    )
    changed = run("--check", out / "certificate.json", *folders)
    assert changed.exit_code == 1
    assert "was changed after it was sealed" in changed.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--people", "two"), "--people: got 'two', expected numbers"),
        (("--people", "0"), "--people: got 0, expected numbers from 1 to 256"),
        (("--minutes", "0.01", "--people", "1,2"), "expected 2 seconds or more for each level"),
        (("--rate", "1"), "--rate: got 1.0, expected 100 to 20000"),
        (("--channels", "0"), "--channels: got 0, expected 1 to 512"),
    ],
)
def test_what_cannot_be_is_bad_usage(tmp_path: Path, args: tuple[str, ...], message: str) -> None:
    result = run(*args, "--out", tmp_path / "out", "--data-dir", tmp_path / "data")

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_check_without_the_key_says_where_it_would_be(tmp_path: Path) -> None:
    result = run("--check", tmp_path / "c.json", "--data-dir", tmp_path)

    assert result.exit_code == 2
    assert "expected the data folder of the installation that sealed it" in result.stderr


def test_help_fits_a_screen() -> None:
    lines = run("--help").stdout.splitlines()

    assert len(lines) <= 35
    assert max(map(len, lines)) <= 80
