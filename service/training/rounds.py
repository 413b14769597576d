"""Trainings: one network without each person and one of everybody, here or on a cluster's nodes."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from hadua.calibration.dataset import Dataset, Statistics, normalise, statistics
from hadua.calibration.labelled import IntArray, LabelledWindows
from hadua.calibration.splits import Split
from hadua.calibration.training import Progress, TrainedNetwork, train
from hadua.models.errors import HaduaError
from hadua.service.evaluation.workers import Failure
from hadua.service.training.answers import Answers
from hadua.service.training.run import OnProgress, Plan


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A network with what its input is normalised by, and the windows that trained it."""

    trained: TrainedNetwork
    source: Statistics
    windows: LabelledWindows

    def answers(self, data: Dataset, people: IntArray) -> Answers:
        """What it says of other people."""
        return Answers.of(self.trained, normalise(of_people(data, people), self.source))


def fit(data: Dataset, people: IntArray, plan: Plan, step: Callable[[int, int], None]) -> Fitted:
    """Train on some people."""

    def on_epoch(progress: Progress) -> None:
        step(progress.epoch, progress.epochs)

    own = of_people(data, people)
    source = statistics(own)
    windows = normalise(own, source)
    trained = train(
        windows,
        n_classes=len(data.classes),
        context=plan.context,
        seed=plan.seed,
        recipe=plan.recipe,
        on_epoch=on_epoch,
    )
    return Fitted(trained, source, windows)


def of_people(data: Dataset, people: IntArray) -> Dataset:
    """Their windows."""
    return data.pick(np.isin(data.subject, people))


def leave_out(
    data: Dataset,
    splits: Sequence[Split],
    plan: Plan,
    *,
    on_progress: OnProgress,
    cluster: str | None = None,
) -> tuple[list[Answers], Fitted]:
    """What each network says of those left out of it, and the network of everybody.

    Raises:
        ClusterError: the cluster is not there, or computes otherwise than this process.
        HaduaError: a training on it that failed.
    """
    who = [f"without {data.people[int(split.test[0])]}" for split in splits]
    everybody = np.concatenate([split.test for split in splits])
    rounds = len(splits) + 1
    if cluster is not None:
        work = partial(_round, splits=tuple(splits), everybody=everybody, plan=plan)
        return _on_cluster(work, data, rounds, cluster, on_progress)
    folds = []
    for k, split in enumerate(splits):
        step = _part(on_progress, f"training {who[k]}", k, rounds)
        folds.append(fit(data, split.train, plan, step).answers(data, split.test))
    last = _part(on_progress, "training on everybody", rounds - 1, rounds)
    return folds, fit(data, everybody, plan, last)


def _round(
    data: Dataset, k: int, *, splits: Sequence[Split], everybody: IntArray, plan: Plan
) -> Answers | Fitted:
    """The k-th of them, on one thread of a node."""
    import torch

    torch.set_num_threads(1)
    if k == len(splits):
        return fit(data, everybody, plan, _silent)
    return fit(data, splits[k].train, plan, _silent).answers(data, splits[k].test)


def _on_cluster(
    work: Callable[[Dataset, int], Answers | Fitted],
    data: Dataset,
    rounds: int,
    address: str,
    on_progress: OnProgress,
) -> tuple[list[Answers], Fitted]:
    from hadua.service.cluster.tasks import run_on_cluster

    done: dict[int, Answers | Fitted] = {}
    on_progress("training on the cluster", 0, rounds)
    # The longest first.
    tasks = range(rounds - 1, -1, -1)
    shared = ("data", lambda: data)
    with closing(run_on_cluster(work, tasks, address=address, shared=lambda _: shared)) as results:
        for k, result in results:
            if isinstance(result, Failure):
                raise HaduaError(f"training {k + 1} of {rounds} on {address!r}", got=result.message)
            done[k] = result
            on_progress("training on the cluster", len(done), rounds)
    folds = [fold for k in range(rounds - 1) if isinstance(fold := done[k], Answers)]
    everybody = done[rounds - 1]
    if not isinstance(everybody, Fitted):
        raise HaduaError("the network of everybody", got=type(everybody).__name__)
    return folds, everybody


def _silent(done: int, total: int) -> None:
    """A node tells of whole trainings only."""


def _part(on_progress: OnProgress, what: str, k: int, rounds: int) -> Callable[[int, int], None]:
    """Progress of the k-th of several trainings as a share of all of them."""
    return lambda done, total: on_progress(what, k * total + done, rounds * total)
