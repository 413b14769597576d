"""One run of `hadua evaluate`: reads, computes the folds that are missing, writes the results."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from hadua.models.errors import HaduaError, UsageError
from hadua.models.features import FeatureSpec, Modality
from hadua.service.evaluation.files import write_evaluation
from hadua.service.evaluation.fold import Job, Task
from hadua.service.evaluation.fused import load_fused
from hadua.service.evaluation.map import write_feature_map
from hadua.service.evaluation.methods import OURS_NAME, REFERENCE_NAME
from hadua.service.evaluation.plan import Plan, fingerprint
from hadua.service.evaluation.plots import write_plots
from hadua.service.evaluation.provenance import DataOrigin, provenance
from hadua.service.evaluation.results import Evaluation, FoldResult
from hadua.service.evaluation.resume import FOLDS, PLOTS, WORK, begin, finished, require_room
from hadua.service.evaluation.sets import EvaluationSet, open_sets, require_root
from hadua.service.evaluation.store import store
from hadua.service.evaluation.summary import score_fold, summarise
from hadua.service.evaluation.where import Where, fold_by_fold
from hadua.service.evaluation.workers import Failure
from hadua.service.folder_lock import LOCK, sole_writer


class OnProgress(Protocol):
    """Told of a stage, how much of it is done, and something to say beside it."""

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        """Take it in."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for besides the plan: nothing here changes a figure.

    Args:
        out: Folder of the results.
        root: Folder of the data set, if it has one.
        jobs: Most folds at a time.
        cluster: Head of the Ray cluster that computes them, in place of `jobs` processes here.
        allow_pickle: Whether files with pickles may be read.
        fresh: Whether to throw away what an earlier run left.
        plots: Whether to draw.
        command: The command line, for the record.
    """

    out: Path
    root: Path | None = None
    jobs: int = 1
    cluster: str | None = None
    allow_pickle: bool = False
    fresh: bool = False
    plots: bool = True
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """What stays in memory of the data sets while the folds are computed."""

    name: str
    classes: tuple[str, ...]
    people: tuple[str, ...]
    specs: Mapping[Modality, FeatureSpec]
    files: Mapping[str, str]
    data: Mapping[str, str]
    stored: tuple[Path, ...]
    tasks: tuple[Task, ...]


def run(plan: Plan, request: Request, *, on_progress: OnProgress) -> Evaluation:
    """Evaluate; what an earlier run with the same plan finished is not computed again.

    Raises:
        UsageError: flags that do not go together, or a folder with something else in it.
        RecordingError: a data set that cannot be read.
        HaduaError: folds that failed; the others are kept.
    """
    started, work = datetime.now(UTC), request.out / WORK
    plan.chosen()
    require_root(plan.dataset, request.root, allow_pickle=request.allow_pickle)
    require_room(request.out)
    with _room(request.out):
        return _locked_run(plan, request, started, work, on_progress)


@contextmanager
def _room(out: Path) -> Iterator[None]:
    """A folder that is this run's alone; one that it made and left empty goes again."""
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with sole_writer(out, doing="evaluating"):
            yield
    finally:
        if made and [p.name for p in out.iterdir()] == [LOCK]:
            (out / LOCK).unlink()
            out.rmdir()


def _locked_run(
    plan: Plan, request: Request, started: datetime, work: Path, on_progress: OnProgress
) -> Evaluation:
    try:
        opened = _open(plan, request, work, on_progress)
        mark = fingerprint(plan, n_classes=len(opened.classes), data=opened.data)
        begin(request.out, mark, fresh=request.fresh)
        ours = OURS_NAME if OURS_NAME in plan.methods else plan.methods[-1]
        job = Job(plan, opened.stored, request.out / FOLDS, mapped=(opened.tasks[0], ours))
        folds = _compute(job, opened, request, on_progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    evaluation = _summary(plan, request, opened, folds, started)
    write_evaluation(request.out, evaluation)
    if request.plots:
        on_progress("drawing", 0, 1)
        write_plots(request.out / PLOTS, evaluation)
        _draw_map(request.out / PLOTS / "fused.png", job, opened, evaluation)
        on_progress("drawing", 1, 1)
    return evaluation


def _open(plan: Plan, request: Request, work: Path, on_progress: OnProgress) -> _Opened:
    """Read the data set and store it where the workers find it."""

    def on_file(done: int, total: int) -> None:
        on_progress("reading", done, total)

    sets = open_sets(plan, request.root, allow_pickle=request.allow_pickle, on_file=on_file)
    stored, hashes, people = [], {}, []
    first: EvaluationSet | None = None
    for k, opened in enumerate(sets):
        first = first or opened
        stored.append(work / f"set{k}")
        hashes[f"set{k}"] = opened.content_hash()
        people.append(opened.people_with_labels())
        store(stored[-1], opened.data)
    if first is None:
        raise UsageError("--seeds", got="0", expected="1 or more")
    one = len(stored) == 1
    return _Opened(
        name=first.name,
        classes=first.data.classes,
        people=first.data.people,
        specs=first.specs,
        files=dict(first.hashes),
        data=hashes,
        stored=tuple(stored * plan.seeds if one else stored),
        tasks=tuple(
            Task(seed, person)
            for k, seed in enumerate(plan.seed_range())
            for person in people[0 if one else k]
        ),
    )


def _compute(
    job: Job, opened: _Opened, request: Request, on_progress: OnProgress
) -> tuple[FoldResult, ...]:
    """Read the folds that are there and compute the others."""
    there = {task: found for task in opened.tasks if (found := finished(job.path(task)))}
    missing = [task for task in opened.tasks if task not in there]
    failed: dict[Task, str] = {}
    cluster = ""

    def report() -> None:
        folds = [fold for found in there.values() for fold in found]
        done = len(there) + len(failed)
        said = "; ".join(filter(None, (running_mean(folds), cluster)))
        on_progress("folds", done, len(opened.tasks), said)

    def on_nodes(nodes: str) -> None:
        nonlocal cluster
        cluster = nodes
        report()

    report()
    where = Where(request.jobs, request.cluster, on_nodes)
    with closing(fold_by_fold(job, missing, where)) as results:
        for task, result in results:
            found = None if isinstance(result, Failure) else finished(job.path(task))
            if found is None:
                failed[task] = result.message if isinstance(result, Failure) else "no file of it"
            else:
                there[task] = found
            report()
    if failed:
        raise _failure(failed, opened)
    return tuple(fold for task in opened.tasks for fold in there[task])


def running_mean(folds: Sequence[FoldResult]) -> str:
    """Mean accuracy so far of ours and of the reference under the first protocol, in words."""
    if not folds:
        return ""
    protocol, said = folds[0].protocol, []
    for method in (OURS_NAME, REFERENCE_NAME):
        each = [
            score_fold(f).accuracy for f in folds if (f.method, f.protocol) == (method, protocol)
        ]
        if each:
            said.append(f"{method} {100.0 * float(np.mean(each)):.1f} %")
    return ", ".join(said)


def _failure(failed: Mapping[Task, str], opened: _Opened) -> HaduaError:
    each = [
        f"person {opened.people[task.person]!r}, seed {task.seed}: {message}"
        for task, message in failed.items()
    ]
    more = f" (and {len(each) - 3} more)" if len(each) > 3 else ""
    return HaduaError(
        f"{len(each)} of {len(opened.tasks)} folds failed",
        got=" | ".join(each[:3]) + more,
        hint="The others are kept: the same command tries only these again.",
    )


def _draw_map(path: Path, job: Job, opened: _Opened, evaluation: Evaluation) -> None:
    if job.mapped is not None:
        task, method = job.mapped
        title = f"{evaluation.titles[method]}, person {opened.people[task.person]}"
        fused = load_fused(job.map_path, classes=opened.classes)
        write_feature_map(path, fused, title=title)


def _summary(
    plan: Plan,
    request: Request,
    opened: _Opened,
    folds: Sequence[FoldResult],
    started: datetime,
) -> Evaluation:
    generated = plan.dataset == "synthetic"
    record = provenance(
        started=started,
        command=request.command,
        seeds=plan.seed_range(),
        data=DataOrigin(opened.name, opened.files, plan.first_seed if generated else None),
        specs=opened.specs.values(),
        protocol=" ".join(_protocol(plan, generated=generated)),
        methods={method.name: method.settings for method in plan.chosen()},
    )
    return summarise(
        folds,
        provenance=record,
        classes=opened.classes,
        titles={method.name: method.title for method in plan.chosen()},
        ours=OURS_NAME,
        reference=REFERENCE_NAME,
    )


def _protocol(plan: Plan, *, generated: bool) -> Iterator[str]:
    """How it was done, sentence by sentence."""
    if plan.split == "loso":
        yield "Leave one subject out: each person was tested with networks trained on the others."
    else:
        yield (
            "Leave one subject and a third of the stimuli of each class out: each person was "
            "adapted to and tested on stimuli that no network was trained on."
        )
    if generated:
        yield "Each seed drew a population of its own."
    if plan.dataset == "official":
        yield "The export does not say where trials begin: runs of equal labels stand for them."
    yield (
        f"{plan.epochs} epochs, fixed beforehand; context {plan.context} windows unless the method "
        "has its own; no label of a test person reached training or adaptation."
    )
    if plan.validation:
        yield (
            f"The temperature was fitted on {plan.validation} of the other people, who did not "
            "train (nobody where fewer than three would have been left to)."
        )
    block = "trial" if plan.block is None else f"{plan.block} windows"
    yield f"{plan.steps} steps of adaptation; prequential {plan.online_steps} after each {block}."
    if plan.leaky:
        yield "The leaky column chose the step on the labels it is scored on."
