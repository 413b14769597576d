"""Folds of one run, or of several that differ in settings: those that are missing, as one lot."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hadua.models.errors import HaduaError
from hadua.service.evaluation.fold import Job
from hadua.service.evaluation.methods import OURS_NAME, REFERENCE_NAME
from hadua.service.evaluation.opened import Opened
from hadua.service.evaluation.results import FoldResult
from hadua.service.evaluation.resume import finished
from hadua.service.evaluation.summary import score_fold
from hadua.service.evaluation.where import Piece, Where, fold_by_fold


class OnProgress(Protocol):
    """Told of a stage, how much of it is done, and something to say beside it."""

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        """Take it in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run whose folder has been made.

    Args:
        name: Of its settings, where there are several; empty else.
        job: What its folds have in common.
    """

    name: str
    job: Job


def compute(
    runs: Sequence[Asked], opened: Opened, where: Where, on_progress: OnProgress
) -> list[tuple[FoldResult, ...]]:
    """Read the folds that are there and compute the others; those of each run.

    Raises:
        HaduaError: folds that failed; the others are kept.
    """
    pieces = [Piece(k, task) for k in range(len(runs)) for task in opened.tasks]
    paths = {piece: runs[piece.run].job.path(piece.task) for piece in pieces}
    there = {piece: found for piece in pieces if (found := finished(paths[piece]))}
    missing = [piece for piece in pieces if piece not in there]
    failed: dict[Piece, str] = {}
    cluster = ""

    def report() -> None:
        folds = [fold for found in there.values() for fold in found] if len(runs) == 1 else []
        done = len(there) + len(failed)
        said = "; ".join(filter(None, (running_mean(folds), cluster)))
        on_progress("folds", done, len(pieces), said)

    def on_nodes(nodes: str) -> None:
        nonlocal cluster
        cluster = nodes
        report()

    report()
    jobs = [run.job for run in runs]
    with closing(fold_by_fold(jobs, missing, where, on_nodes=on_nodes)) as results:
        for piece, failure in results:
            found = None if failure else finished(paths[piece])
            if found is None:
                failed[piece] = failure.message if failure else "no file of it"
            else:
                there[piece] = found
            report()
    if failed:
        raise _failure(failed, runs, opened, of=len(pieces))
    return [
        tuple(fold for task in opened.tasks for fold in there[Piece(k, task)])
        for k in range(len(runs))
    ]


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


def _failure(
    failed: Mapping[Piece, str], runs: Sequence[Asked], opened: Opened, *, of: int
) -> HaduaError:
    def named(piece: Piece) -> str:
        whose = f"person {opened.people[piece.task.person]!r}, seed {piece.task.seed}"
        return ", ".join(filter(None, (runs[piece.run].name, whose)))

    each = [f"{named(piece)}: {message}" for piece, message in failed.items()]
    more = f" (and {len(each) - 3} more)" if len(each) > 3 else ""
    return HaduaError(
        f"{len(each)} of {of} folds failed",
        got=" | ".join(each[:3]) + more,
        hint="The others are kept: the same command tries only these again.",
    )
