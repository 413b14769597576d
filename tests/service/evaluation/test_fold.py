from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.evaluation import constant, dataset, noise, nothing, with_labels

from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.windows import IntArray
from hadua.models.errors import RecordingError
from hadua.service.evaluation.fold import Job, Task, evaluate_fold, fold_results
from hadua.service.evaluation.folds import read_folds
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import LEAKY, FoldResult
from hadua.service.evaluation.store import store

DATA = dataset(people=3, trials=4)
TASK = Task(seed=0, person=1)
PLAN = Plan(
    "synthetic",
    ("source-only", "ours"),
    ("transductive", "inductive", "prequential"),
    epochs=2,
    context=3,
    steps=20,
    online_steps=1,
    registry="support.evaluation",
)


@pytest.fixture(scope="module")
def results() -> list[FoldResult]:
    return fold_results(PLAN, DATA, TASK)


def test_every_method_is_scored_under_every_protocol(results: list[FoldResult]) -> None:
    assert [(r.method, r.protocol) for r in results] == [
        (method, protocol) for protocol in PLAN.protocols for method in PLAN.methods
    ]
    assert {(r.person, r.seed) for r in results} == {("P2", 0)}
    own = DATA.subject == 1
    for r in results:
        np.testing.assert_array_equal(r.y, DATA.y[own][r.order])
        np.testing.assert_array_equal(r.session, DATA.session[own][r.order])
        assert r.seconds > 0.0
    scored = {r.protocol: len(r.y) for r in results}
    assert scored == {"transductive": 32, "inductive": 24, "prequential": 32}


@pytest.mark.parametrize("poison", [constant, noise, nothing])
def test_a_fold_with_poisoned_labels_gives_the_same_bits(
    results: list[FoldResult], poison: Callable[[IntArray], IntArray]
) -> None:
    poisoned = with_labels(DATA, TASK.person, poison)
    if poison is nothing:  # windows without a label are not scored: one is left in each trial
        y = poisoned.y.copy()
        y[3::4] = DATA.y[3::4]
        poisoned = replace(poisoned, y=y)

    again = fold_results(PLAN, poisoned, TASK)

    for a, b in zip(results, again, strict=True):
        kept = np.isin(a.order, b.order)
        assert a.probabilities[kept].tobytes() == b.probabilities.tobytes()
        assert not np.array_equal(a.y, b.y)


def test_windows_that_say_nothing_are_not_scored(results: list[FoldResult]) -> None:
    lost = np.flatnonzero(DATA.subject == 1)[5]
    eeg, eye = DATA.eeg.copy(), DATA.eye.copy()
    eeg[lost], eye[lost] = np.nan, np.nan

    (first, *_) = fold_results(PLAN, replace(DATA, eeg=eeg, eye=eye), TASK)

    assert first.order.tolist() == [k for k in range(32) if k != 5]


def test_the_leaky_column_is_there_only_when_asked_for(results: list[FoldResult]) -> None:
    with_it = fold_results(replace(PLAN, leaky=True), DATA, TASK)

    assert LEAKY not in {r.protocol for r in results}
    honest = [r for r in with_it if r.protocol != LEAKY]
    for a, b in zip(results, honest, strict=True):
        assert a.probabilities.tobytes() == b.probabilities.tobytes()
    leaky = {r.method: r for r in with_it if r.protocol == LEAKY}
    assert set(leaky) == set(PLAN.methods)
    for r in honest[:2]:
        best, final = ((x.predicted == x.y).mean() for x in (leaky[r.method], r))
        assert best >= final - 1e-12


def test_a_person_of_whom_nothing_can_be_scored_is_an_error() -> None:
    with pytest.raises(RecordingError, match="person 'P2', transductive: got no window with a"):
        fold_results(PLAN, with_labels(DATA, 1, nothing), TASK)


def test_a_fold_s_file_holds_its_results(tmp_path: Path, results: list[FoldResult]) -> None:
    store(tmp_path / "set", DATA)
    job = Job(PLAN, (tmp_path / "set",), tmp_path / "folds")

    assert evaluate_fold(job, TASK) == TASK

    assert job.path(TASK).name == "seed00-person02.npz"
    for a, b in zip(results, read_folds(job.path(TASK)), strict=True):
        assert (a.name, a.probabilities.tobytes()) == (b.name, b.probabilities.tobytes())
    assert (DATA.y != UNLABELLED).all()
