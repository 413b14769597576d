"""Where the folds of a run are computed: in processes here, or on the nodes of a cluster."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hadua.calibration.dataset import Dataset
from hadua.service.evaluation.fold import FoldFiles, Job, Task, compute_fold, evaluate_fold, keep
from hadua.service.evaluation.store import load
from hadua.service.evaluation.workers import Failure, run_in_processes


@dataclass(frozen=True, slots=True)
class Where:
    """Who computes.

    Args:
        jobs: Most processes here.
        cluster: Head of the cluster in their place.
    """

    jobs: int
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A fold of one of several runs.

    Args:
        run: Which run.
        task: Which of its folds.
    """

    run: int
    task: Task


def fold_by_fold(
    jobs: Sequence[Job],
    pieces: Sequence[Piece],
    where: Where,
    *,
    on_nodes: Callable[[str], None] = lambda _: None,
) -> Generator[tuple[Piece, Failure | None]]:
    """Compute folds; each has its file here when it is handed over.

    Args:
        jobs: Of each run; a seed has the same data set in all of them.
        pieces: What is to be computed.
        where: By whom.
        on_nodes: Told now and then how many nodes of a cluster answer.

    Raises:
        ClusterError: the cluster is not there, or computes otherwise than this process.
    """
    if where.cluster is None:
        for piece, done in run_in_processes(partial(_evaluate, jobs), pieces, jobs=where.jobs):
            yield piece, done if isinstance(done, Failure) else None
        return
    from hadua.service.cluster.tasks import run_on_cluster

    with closing(
        run_on_cluster(
            partial(_compute, jobs),
            pieces,
            address=where.cluster,
            # A node has no part of this disk: the windows are sent, and the results come back.
            shared=lambda piece: (
                f"seed {piece.task.seed}",
                partial(load, _stored(jobs[piece.run], piece.task)),
            ),
            on_nodes=lambda nodes: on_nodes(str(nodes)),
        )
    ) as results:
        for piece, result in results:
            if not isinstance(result, Failure):
                keep(jobs[piece.run], piece.task, result)
            yield piece, result if isinstance(result, Failure) else None


def _evaluate(jobs: Sequence[Job], piece: Piece) -> None:
    evaluate_fold(jobs[piece.run], piece.task)


def _compute(jobs: Sequence[Job], data: Dataset, piece: Piece) -> FoldFiles:
    return compute_fold(jobs[piece.run], data, piece.task)


def _stored(job: Job, task: Task) -> Path:
    return job.stored[task.seed - job.plan.first_seed]
