"""One run of `hadua evaluate`: reads, computes the folds that are missing, writes the results."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hadua.service.evaluation.computing import Asked, OnProgress, compute
from hadua.service.evaluation.files import write_evaluation
from hadua.service.evaluation.fold import Job
from hadua.service.evaluation.fused import load_fused
from hadua.service.evaluation.map import write_feature_map
from hadua.service.evaluation.methods import OURS_NAME, REFERENCE_NAME
from hadua.service.evaluation.opened import Opened, open_all
from hadua.service.evaluation.plan import Plan, fingerprint
from hadua.service.evaluation.plots import write_plots
from hadua.service.evaluation.provenance import DataOrigin, provenance
from hadua.service.evaluation.results import Evaluation, FoldResult
from hadua.service.evaluation.resume import FOLDS, PLOTS, WORK, begin, require_room
from hadua.service.evaluation.sets import require_root
from hadua.service.evaluation.summary import summarise
from hadua.service.evaluation.where import Where
from hadua.service.folder_lock import LOCK, sole_writer


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


def run(plan: Plan, request: Request, *, on_progress: OnProgress) -> Evaluation:
    """Evaluate; what an earlier run with the same plan finished is not computed again.

    Raises:
        UsageError: flags that do not go together, or a folder with something else in it.
        RecordingError: a data set that cannot be read.
        HaduaError: folds that failed; the others are kept.
    """
    (evaluation,) = run_all({"": plan}, request, on_progress=on_progress)
    return evaluation


def run_all(
    plans: Mapping[str, Plan], request: Request, *, on_progress: OnProgress
) -> list[Evaluation]:
    """Evaluate plans on the same data, each into the folder of its name in `request.out`.

    Their folds are computed as one lot. Otherwise as `run`.
    """
    started, work = datetime.now(UTC), request.out / WORK
    outs = {name: request.out / name for name in plans}
    for name, plan in plans.items():
        plan.chosen()
        require_root(plan.dataset, request.root, allow_pickle=request.allow_pickle)
        require_room(outs[name])
    with ExitStack() as rooms:
        for out in outs.values():
            rooms.enter_context(room(out))
        try:
            opened = _opened(next(iter(plans.values())), request, work, on_progress)
            runs = [_begun(name, plan, request, opened) for name, plan in plans.items()]
            where = Where(request.jobs, request.cluster)
            folds = compute(runs, opened, where, on_progress)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return [
            _finish(run, replace(request, out=outs[run.name]), opened, found, started, on_progress)
            for run, found in zip(runs, folds, strict=True)
        ]


@contextmanager
def room(out: Path) -> Iterator[None]:
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


def _opened(plan: Plan, request: Request, work: Path, on_progress: OnProgress) -> Opened:
    def on_file(done: int, total: int) -> None:
        on_progress("reading", done, total)

    return open_all(
        plan, request.root, work=work, allow_pickle=request.allow_pickle, on_file=on_file
    )


def _begun(name: str, plan: Plan, request: Request, opened: Opened) -> Asked:
    """A run whose folder is marked with what its folds depend on."""
    out = request.out / name
    mark = fingerprint(plan, n_classes=len(opened.classes), data=opened.data)
    begin(out, mark, fresh=request.fresh)
    ours = OURS_NAME if OURS_NAME in plan.methods else plan.methods[-1]
    return Asked(name, Job(plan, opened.stored, out / FOLDS, mapped=(opened.tasks[0], ours)))


def _finish(
    run: Asked,
    request: Request,
    opened: Opened,
    folds: Sequence[FoldResult],
    started: datetime,
    on_progress: OnProgress,
) -> Evaluation:
    evaluation = _summary(run.job.plan, request, opened, folds, started)
    write_evaluation(request.out, evaluation)
    if request.plots:
        on_progress("drawing", 0, 1)
        write_plots(request.out / PLOTS, evaluation)
        _draw_map(request.out / PLOTS / "fused.png", run.job, opened, evaluation)
        on_progress("drawing", 1, 1)
    return evaluation


def _draw_map(path: Path, job: Job, opened: Opened, evaluation: Evaluation) -> None:
    if job.mapped is not None:
        task, method = job.mapped
        title = f"{evaluation.titles[method]}, person {opened.people[task.person]}"
        fused = load_fused(job.map_path, classes=opened.classes)
        write_feature_map(path, fused, title=title)


def _summary(
    plan: Plan,
    request: Request,
    opened: Opened,
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
