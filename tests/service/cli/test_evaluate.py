"""`hadua evaluate` as its users run it: usage, a killed run that goes on, Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.evaluation import dataset, write_official
from typer.testing import CliRunner, Result

from hadua.service.cli.main import build
from hadua.service.evaluation.files import read_evaluation
from hadua.service.evaluation.fold import Task, fold_results
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import FoldResult
from hadua.service.evaluation.sets import open_sets

HADUA = [sys.executable, "-c", "from hadua.service.cli.main import main; main()", "evaluate"]
TINY = (
    *("--dataset", "synthetic", "--people", "3", "--seeds", "2", "--jobs", "2", "--epochs", "2"),
    *("--methods", "source-only,person-z", "--protocols", "transductive,inductive"),
    *("--context", "1", "--no-plots", "--json"),
)


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(build(["evaluate"]), ["evaluate", *map(str, args)])


def begin(*args: str | Path) -> subprocess.Popen[str]:
    def hear_ctrl_c() -> None:
        """What a shell starts in the background ignores it, and so would all that it starts."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        [*HADUA, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if sys.platform == "win32" else hear_ctrl_c,
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_goes_on_with_the_same_command(tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = begin(*TINY, "--out", out)
    _until(lambda: len(list((out / "folds").glob("seed*"))) > 0)
    killed.kill()
    killed.communicate(timeout=10.0)
    kept = {p.name: p.stat().st_mtime_ns for p in (out / "folds").glob("seed*")}
    assert 0 < len(kept) < 6

    resumed = begin(*TINY, "--out", out)
    said, stderr = resumed.communicate(timeout=120.0)

    assert resumed.returncode == 0, stderr
    there = {p.name: p.stat().st_mtime_ns for p in (out / "folds").glob("seed*")}
    assert len(there) == 6
    assert there.items() >= kept.items(), "what was finished is not touched"
    evaluation = read_evaluation(out)
    uninterrupted = [f for seed in (0, 1) for f in _folds_of(seed)]
    assert [f.name for f in evaluation.folds] == [f.name for f in uninterrupted]
    for a, b in zip(evaluation.folds, uninterrupted, strict=True):
        assert a.probabilities.tobytes() == b.probabilities.tobytes(), a.name
        assert (a.y.tolist(), a.order.tolist()) == (b.y.tolist(), b.order.tolist())
    plain = json.loads(said)
    assert plain["out"] == str(out)
    assert {row["method"] for row in plain["rows"]} == {"source-only", "person-z"}
    assert not (out / "work").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to one process only")
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = begin(*TINY, "--seeds", "200", "--out", out)  # not done before it is told to stop
    _until(lambda: any((out / "folds").glob("seed*")))

    process.send_signal(signal.SIGINT)
    try:
        said, stderr = process.communicate(timeout=60.0)
    finally:
        process.kill()

    assert process.returncode == 130, stderr
    assert said == ""
    assert f"stopped. Finished folds are kept in {str(out)!r}; the same command" in stderr
    assert "Traceback" not in stderr
    assert not (out / "work").exists()


def test_an_official_export_of_one_modality_gives_a_table_and_plots(tmp_path: Path) -> None:
    root = write_official(tmp_path / "official", dataset(people=3, trials=6), eye=False)
    out = tmp_path / "out"

    result = run(
        *("--dataset", "official", "--root", root, "--out", out, "--seeds", "1"),
        *("--methods", "source-only,person-z", "--epochs", "2", "--context", "3"),
        *("--steps", "2", "--jobs", "1", "--leaky"),
    )

    assert result.exit_code == 0, result.stderr
    assert "| Source only |" in result.stdout
    assert "LEAKY" in result.stdout
    assert f"All of it is in {out}" in result.stdout
    assert "folds" in result.stderr
    assert (out / "table.md").read_text().count("z-score per person") >= 1
    assert len(list((out / "plots").glob("*.png"))) >= 5
    assert (out / "plots" / "fused.png").stat().st_size > 10_000
    (feature,) = read_evaluation(out).provenance.features
    assert (feature.modality, feature.n_features) == ("eeg", 6)
    assert (out / "people.csv").read_text().startswith("method,protocol,seed,person")


def test_help_fits_a_screen() -> None:
    lines = run("--help").stdout.splitlines()

    assert len(lines) <= 35
    assert max(map(len, lines)) <= 80
    for flag in ("--dataset", "--root", "--out", "--methods", "--protocols", "--split", "--seeds"):
        assert any(flag in line for line in lines)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--dataset", "seed"), "--dataset seed: got no --root, expected --root, the folder"),
        (("--root", "x"), "--dataset synthetic: got --root 'x', expected no --root"),
        (("--methods", "magic"), "--methods: got 'magic', expected some of source-only"),
        (("--methods", "tent,tent"), "--methods: got 'tent,tent', expected each name once"),
        (("--protocols", "online"), "--protocols: got 'online', expected some of transductive"),
        (("--protocols", ","), "--protocols: got none, expected at least one"),
        (("--seeds", "0"), "--seeds: got 0, expected 1 or more"),
        (("--first-seed", "-1"), "--first-seed: got -1, expected 0 or more"),
        (("--people", "1"), "--people: got 1, expected 2 or more"),
        (("--epochs", "0"), "--epochs: got 0, expected 1 or more"),
        (("--context", "2"), "--context: got 2, expected 1, or 3 and more"),
        (("--steps", "-1"), "--steps: got -1, expected 0 or more"),
        (("--block", "0"), "--block: got 0, expected 1 or more"),
        (("--jobs", "0"), "--jobs: got 0, expected 1 or more"),
        (("--allow-pickle",), "--allow-pickle: expected a data set whose files may hold pickles"),
        (("--dataset", "deap"), "'deap' is not one of"),
        (("--split", "random"), "'random' is not one of"),
    ],
)
def test_bad_usage_ends_before_the_work(
    args: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    dataset_flag = () if "--dataset" in args else ("--dataset", "synthetic")

    result = run(*dataset_flag, *args, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    result = run("--dataset", "synthetic", "--out", tmp_path, "--fresh")

    assert result.exit_code == 2
    assert "got a folder with thesis.tex in it" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_data_that_cannot_be_read_are_one_message(tmp_path: Path) -> None:
    out = tmp_path / "out"

    result = run("--dataset", "official", "--root", tmp_path, "--out", out)

    assert result.exit_code == 1
    assert "hadua evaluate: exported features in" in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists()


def _folds_of(seed: int) -> list[FoldResult]:
    """The folds of a seed, one after the other in this very process."""
    plan = Plan(
        "synthetic",
        ("source-only", "person-z"),
        ("transductive", "inductive"),
        people=3,
        seeds=2,
        epochs=2,
        context=1,
    )
    opened = open_sets(plan, None, allow_pickle=False, on_file=lambda done, total: None)
    data = [each.data for each in opened][seed]
    return [f for person in range(3) for f in fold_results(plan, data, Task(seed, person))]


def _until(true: Callable[[], bool], *, timeout_s: float = 180.0) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
