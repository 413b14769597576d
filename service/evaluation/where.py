"""Where the folds of a run are computed: in processes here, or on the nodes of a cluster."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hadua.service.evaluation.fold import Job, Task, compute_fold, evaluate_fold, keep
from hadua.service.evaluation.store import load
from hadua.service.evaluation.workers import Failure, run_in_processes


@dataclass(frozen=True, slots=True)
class Where:
    """Who computes.

    Args:
        jobs: Most processes here.
        cluster: Head of the cluster in their place.
        on_nodes: Told now and then how many nodes of it answer.
    """

    jobs: int
    cluster: str | None = None
    on_nodes: Callable[[str], None] = lambda _: None


def fold_by_fold(
    job: Job, tasks: Sequence[Task], where: Where
) -> Generator[tuple[Task, Task | Failure]]:
    """Compute folds; each has its file here when it is handed over.

    Raises:
        ClusterError: the cluster is not there, or computes otherwise than this process.
    """
    if where.cluster is None:
        yield from run_in_processes(partial(evaluate_fold, job), tasks, jobs=where.jobs)
        return
    from hadua.service.cluster.tasks import run_on_cluster

    with closing(
        run_on_cluster(
            partial(compute_fold, job),
            tasks,
            address=where.cluster,
            # A node has no part of this disk: the windows are sent, and the results come back.
            shared=lambda task: (f"seed {task.seed}", partial(load, _stored(job, task))),
            on_nodes=lambda nodes: where.on_nodes(str(nodes)),
        )
    ) as results:
        for task, result in results:
            if not isinstance(result, Failure):
                keep(job, task, result)
            yield task, result if isinstance(result, Failure) else task


def _stored(job: Job, task: Task) -> Path:
    return job.stored[task.seed - job.plan.first_seed]
