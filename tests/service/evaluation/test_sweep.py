"""Settings against each other: each is the evaluation that it would be alone."""

from pathlib import Path

import pytest
from support.evaluation import dataset, write_official
from typer.testing import CliRunner

from hadua.models.errors import HaduaError, UsageError
from hadua.service.cli.main import build
from hadua.service.evaluation.files import read_evaluation
from hadua.service.evaluation.fold import Task, fold_results
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import Evaluation
from hadua.service.evaluation.run import Request
from hadua.service.evaluation.sets import open_sets
from hadua.service.evaluation.sweep import Axis, combinations, run_sweep

PLAN = Plan(
    "official",
    ("source-only", "ours"),
    ("transductive",),
    seeds=1,
    epochs=1,
    context=1,
    registry="support.evaluation",
)


class Noted(list[tuple[str, int, int]]):
    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        self.append((what, done, total))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_official(tmp_path_factory.mktemp("official"), dataset(people=3, trials=4))


def probabilities(evaluation: Evaluation) -> list[bytes]:
    return [fold.probabilities.tobytes() for fold in evaluation.folds]


def test_each_setting_is_the_evaluation_that_it_would_be_alone(root: Path, tmp_path: Path) -> None:
    out, noted = tmp_path / "out", Noted()
    request = Request(out=out, root=root, plots=False)
    run_sweep(PLAN, [Axis("steps", (1,))], request, on_progress=noted)
    assert noted[-1] == ("folds", 3, 3)
    kept = {p: p.stat().st_mtime_ns for p in out.glob("steps=1/folds/seed*")}
    assert len(kept) == 3

    # One value more: only its folds are computed.
    noted.clear()
    found = run_sweep(PLAN, [Axis("steps", (1, 2))], request, on_progress=noted)

    assert list(found) == ["steps=1", "steps=2"]
    assert next(n for n in noted if n[0] == "folds") == ("folds", 3, 6)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    (plan,) = combinations(PLAN, [Axis("steps", (2,))]).values()
    (data,) = open_sets(PLAN, root, allow_pickle=False, on_file=lambda done, total: None)
    alone = [fold for k in range(3) for fold in fold_results(plan, data.data, Task(0, k))]
    assert [fold.probabilities.tobytes() for fold in alone] == probabilities(found["steps=2"])
    assert probabilities(read_evaluation(out / "steps=1")) == probabilities(found["steps=1"])
    assert probabilities(found["steps=1"]) != probabilities(found["steps=2"])
    table = (out / "sweep.md").read_text()
    assert sum(line.startswith("| steps=") for line in table.splitlines()) == 4
    assert sorted(p.name for p in out.iterdir()) == [".lock", "steps=1", "steps=2", "sweep.md"]


def test_a_fold_that_fails_is_named_with_its_setting(root: Path, tmp_path: Path) -> None:
    request = Request(out=tmp_path / "out", root=root, plots=False)
    (tmp_path / "out" / "steps=1" / "folds").mkdir(parents=True)
    (tmp_path / "out" / "steps=1" / "evaluation.json").write_text("{}")
    with pytest.raises(UsageError, match="steps=1' holds an evaluation of another kind"):
        run_sweep(PLAN, [Axis("steps", (1, 2))], request, on_progress=Noted())
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"a folder with notes\.txt in it"):
        run_sweep(PLAN, [Axis("steps", (1, 2))], request, on_progress=Noted())
    broken = Plan(
        "official", ("failing",), ("transductive",), seeds=1, registry="support.evaluation"
    )
    request = Request(out=tmp_path / "other", root=root, plots=False)
    with pytest.raises(HaduaError, match=r"3 of 3 folds failed: got steps=1, person '.*', seed 0"):
        run_sweep(broken, [Axis("steps", (1,))], request, on_progress=Noted())


def test_axes_multiply() -> None:
    plans = combinations(PLAN, [Axis.of("epochs=3,6"), Axis.of("online-steps=0,2")])

    assert {name: (p.epochs, p.online_steps) for name, p in plans.items()} == {
        "epochs=3,online-steps=0": (3, 0),
        "epochs=3,online-steps=2": (3, 2),
        "epochs=6,online-steps=0": (6, 0),
        "epochs=6,online-steps=2": (6, 2),
    }
    with pytest.raises(UsageError, match="got epochs, epochs, expected each setting once"):
        combinations(PLAN, [Axis.of("epochs=3"), Axis.of("epochs=6")])
    axes = [Axis(name, tuple(range(1, 11))) for name in ("epochs", "steps")]
    with pytest.raises(UsageError, match="got 100 combinations, expected 64 at most"):
        combinations(PLAN, axes)


@pytest.mark.parametrize(
    "text", ["seeds=1,2", "epochs", "epochs=", "epochs=0", "epochs=3,3", "epochs=a", "context=1,2"]
)
def test_what_cannot_be_swept_is_refused(text: str, tmp_path: Path) -> None:
    args = ("evaluate", "--dataset", "synthetic", "--out", str(tmp_path / "o"), "--sweep", text)
    result = CliRunner().invoke(build(["evaluate"]), args)

    assert result.exit_code == 2
    assert "--sweep: got '" in result.stderr
    assert "epochs, context, steps, online-steps, block, validation" in result.stderr
    assert not (tmp_path / "o").exists()
