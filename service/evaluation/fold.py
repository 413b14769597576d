"""One fold in a worker process, here or on another machine: from the data set to the fold's files.

Only here do the test person's labels meet the answers, and only after all answers were given; the
leaky figure, if it is asked for, is made last and apart.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hadua.calibration.dataset import Dataset
from hadua.calibration.evaluation import Answered, SourceNetworks, answers_of
from hadua.calibration.folds import Fold, fold_of
from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.leaky import leaky_best_step_on_test_labels
from hadua.calibration.protocols import Answers
from hadua.models.errors import RecordingError
from hadua.models.prediction import softmax
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.folds import packed
from hadua.service.evaluation.fused import fused_features, packed_fused
from hadua.service.evaluation.plan import Plan
from hadua.service.evaluation.results import LEAKY, FoldResult, Protocol
from hadua.service.evaluation.store import load


@dataclass(frozen=True, slots=True)
class Task:
    """Which fold.

    Args:
        seed: Number of the seed.
        person: Index of the test person.
    """

    seed: int
    person: int


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all folds of a run.

    Args:
        plan: What is done.
        stored: Folder of the stored data set of each seed, in their order.
        folds: Folder of the folds' files.
        mapped: The fold whose fused features are kept for a map, and the method's name.
    """

    plan: Plan
    stored: tuple[Path, ...]
    folds: Path
    mapped: tuple["Task", str] | None = None

    def path(self, task: Task) -> Path:
        """File of a fold."""
        return self.folds / f"seed{task.seed:02d}-person{task.person + 1:02d}.npz"

    @property
    def map_path(self) -> Path:
        """File of the fused features."""
        return self.folds / "fused.npz"


@dataclass(frozen=True, slots=True)
class FoldFiles:
    """What a fold leaves behind, as bytes that travel from one machine to another.

    Args:
        folds: Its results, as `packed` gives them.
        fused: Its fused features, if a map is drawn of it.
    """

    folds: bytes
    fused: bytes | None = None


def evaluate_fold(job: Job, task: Task) -> Task:
    """Compute one fold and write its files, each whole or not at all."""
    keep(job, task, compute_fold(job, load(job.stored[task.seed - job.plan.first_seed]), task))
    return task


def compute_fold(job: Job, data: Dataset, task: Task) -> FoldFiles:
    """Compute one fold on one thread; nothing is read and nothing written."""
    import torch

    torch.set_num_threads(1)
    fold, networks = _prepared(job.plan, data, task)
    results = packed(_results(job.plan, data, fold, networks, task))
    if not (job.mapped and job.mapped[0] == task):
        return FoldFiles(results)
    (method,) = (m for m in job.plan.chosen() if m.name == job.mapped[1])
    steps = job.plan.steps
    fused = fused_features(fold, data, networks, method, seed=task.seed, steps=steps)
    return FoldFiles(results, packed_fused(fused))


def keep(job: Job, task: Task, files: FoldFiles) -> None:
    """Write a fold's files; it counts as done by its own, which is written last."""
    if files.fused is not None:
        write_whole(job.map_path, files.fused)
    write_whole(job.path(task), files.folds)


def fold_results(plan: Plan, data: Dataset, task: Task) -> list[FoldResult]:
    """Every method under every protocol on one person."""
    return _results(plan, data, *_prepared(plan, data, task), task)


def _prepared(plan: Plan, data: Dataset, task: Task) -> tuple[Fold, SourceNetworks]:
    fold = fold_of(
        data,
        person=task.person,
        seed=task.seed,
        split=plan.split,
        n_validation=plan.validation,
    )
    settings = plan.settings(len(data.classes))
    return fold, SourceNetworks(fold, settings, seed=task.seed, clock=time.perf_counter)


def _results(
    plan: Plan, data: Dataset, fold: Fold, networks: SourceNetworks, task: Task
) -> list[FoldResult]:
    settings, clock = plan.settings(len(data.classes)), time.perf_counter
    answered = list(
        answers_of(
            fold,
            plan.chosen(),
            plan.protocols,
            networks,
            settings,
            seed=task.seed,
            clock=clock,
        )
    )
    results = [_result(a, a.protocol, data, fold, task) for a in answered]
    return [*results, *(_leaky(plan, data, fold, networks, task) if plan.leaky else ())]


def _leaky(
    plan: Plan, data: Dataset, fold: Fold, networks: SourceNetworks, task: Task
) -> Iterator[FoldResult]:
    settings = plan.settings(len(data.classes))
    for method in plan.chosen():
        trained, began = networks.of(method), time.perf_counter()
        answers = leaky_best_step_on_test_labels(
            method.begin(trained.start, task.seed),
            fold.target,
            settings.budget,
            test_labels=data.y[fold.rows],
        )
        seconds = trained.seconds + time.perf_counter() - began
        answered = Answered(method.name, "transductive", answers, trained.temperature, seconds)
        yield _result(answered, LEAKY, data, fold, task)


def _result(
    answered: Answered, protocol: Protocol, data: Dataset, fold: Fold, task: Task
) -> FoldResult:
    """Look the labels up; windows without one, or in which nothing was measured, do not count."""
    answers = _in_order(answered.answers)
    y = data.y[fold.rows[answers.rows]]
    counts = (y != UNLABELLED) & fold.target.present[answers.rows].any(axis=1)
    rows, person = answers.rows[counts], data.people[task.person]
    if not len(rows):
        raise RecordingError(
            f"person {person!r}, {protocol}",
            got="no window with a label and something measured",
            expected="at least one to score",
        )
    return FoldResult(
        method=answered.method,
        protocol=protocol,
        seed=task.seed,
        person=person,
        y=y[counts],
        probabilities=softmax(answers.logits[counts], temperature=answered.temperature),
        session=fold.target.session[rows],
        order=rows,
        seconds=answered.seconds,
    )


def _in_order(answers: Answers) -> Answers:
    order = np.argsort(answers.rows, kind="stable")
    return replace(answers, rows=answers.rows[order], logits=answers.logits[order])
