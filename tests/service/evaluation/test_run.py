from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.evaluation import dataset, write_official

from hadua.models.errors import HaduaError, UsageError
from hadua.service.evaluation.files import read_evaluation
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import Evaluation
from hadua.service.evaluation.run import Request, run
from hadua.service.folder_lock import sole_writer

PLAN = Plan(
    "official",
    ("source-only", "ours"),
    ("transductive", "prequential"),
    seeds=2,
    epochs=2,
    context=3,
    steps=2,
    online_steps=1,
    registry="support.evaluation",
)


class Noted(list[tuple[str, int, int, str]]):
    """Everything that was said about progress."""

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        self.append((what, done, total, note))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_official(tmp_path_factory.mktemp("official"), dataset(people=3, trials=4))


@pytest.fixture(scope="module")
def done(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation, Noted]:
    """A run with two processes."""
    out, noted = tmp_path_factory.mktemp("run") / "out", Noted()
    request = Request(out=out, root=root, jobs=2, plots=False, command=("hadua", "evaluate"))
    return out, run(PLAN, request, on_progress=noted), noted


def test_a_run_leaves_results_and_nothing_of_its_own(
    done: tuple[Path, Evaluation, Noted],
) -> None:
    out, evaluation, noted = done

    assert sorted(p.name for p in out.iterdir()) == [
        ".lock", "evaluation.json", "folds", "folds.npz", "people.csv", "results.json", "table.md"
    ]  # fmt: skip
    assert len(list((out / "folds").glob("seed*"))) == 6
    assert len(evaluation.folds) == 3 * 2 * 2 * 2
    back = read_evaluation(out)
    assert back.rows == evaluation.rows
    assert back.provenance.seeds == (0, 1)
    assert set(back.provenance.data.files) >= {"EEG/1.npy", "EYE/3.npy", "Label/2.npy"}
    assert "runs of equal labels stand for them" in back.provenance.protocol
    assert [n[:3] for n in noted if n[0] == "folds"] == [("folds", k, 6) for k in range(7)]
    assert "ours " in noted[-1][3]
    assert "source-only " in noted[-1][3]


def test_processes_do_not_change_a_bit_and_finished_folds_are_not_computed_again(
    done: tuple[Path, Evaluation, Noted], root: Path, tmp_path: Path
) -> None:
    out, evaluation, _ = done
    for path in (out / "folds").glob("seed00*"):
        (tmp_path / "out" / "folds").mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / "folds" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "out" / "evaluation.json").write_bytes((out / "evaluation.json").read_bytes())
    noted = Noted()

    again = run(
        PLAN,
        Request(out=tmp_path / "out", root=root, jobs=1, plots=False),
        on_progress=noted,
    )

    assert [n[1] for n in noted if n[0] == "folds"] == [3, 4, 5, 6]
    for a, b in zip(evaluation.folds, again.folds, strict=True):
        assert (a.name, a.order.tolist()) == (b.name, b.order.tolist())
        assert a.probabilities.tobytes() == b.probabilities.tobytes()


def test_another_plan_or_other_data_in_the_same_folder_are_refused(
    done: tuple[Path, Evaluation, Noted], root: Path, tmp_path: Path
) -> None:
    out, _, _ = done
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    other = write_official(tmp_path / "other", dataset(people=3, trials=4, seed=1))

    for plan, folder, message in (
        (replace(PLAN, steps=3), root, "got steps 3, expected steps 2"),
        (PLAN, other, "got data.set0"),
    ):
        with pytest.raises(UsageError, match=message):
            run(plan, Request(out=out, root=folder, plots=False), on_progress=Noted())

    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_two_runs_do_not_share_a_folder(done: tuple[Path, Evaluation, Noted], root: Path) -> None:
    out, _, _ = done

    with (
        sole_writer(out, doing="evaluating"),
        pytest.raises(UsageError, match="another process that is evaluating there"),
    ):
        run(PLAN, Request(out=out, root=root, plots=False), on_progress=Noted())


def test_a_fold_that_fails_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    data = dataset(people=3, trials=4)
    y = np.where((data.subject == 1) & (data.y == 2), 0, data.y)
    y = np.where((data.subject == 2) & (data.y == 2), 0, y)  # without P1 a class is missing
    root = write_official(tmp_path / "official", replace(data, y=y))
    plan = replace(PLAN, seeds=1, protocols=("transductive",))

    with pytest.raises(HaduaError, match="1 of 3 folds failed: got person '1', seed 0: windows"):
        run(plan, Request(out=tmp_path / "out", root=root, plots=False), on_progress=Noted())

    assert len(list((tmp_path / "out" / "folds").glob("seed*"))) == 2
    assert not (tmp_path / "out" / "results.json").exists()
    assert not (tmp_path / "out" / "work").exists()


def test_what_cannot_work_leaves_no_folder(tmp_path: Path) -> None:
    for plan, root in ((PLAN, None), (replace(PLAN, methods=("x",)), tmp_path)):
        with pytest.raises(UsageError, match=r"--root|--methods"):
            run(plan, Request(out=tmp_path / "out", root=root), on_progress=Noted())
    (tmp_path / "empty").mkdir()
    with pytest.raises(HaduaError, match="empty"):
        run(PLAN, Request(out=tmp_path / "out", root=tmp_path / "empty"), on_progress=Noted())

    assert not (tmp_path / "out").exists()
