"""The ways in which a person's windows can reach a learner before they are scored.

Each takes a fresh learner and windows without labels, in recorded order, and gives logits of the
windows that count. What is scored with them is somebody else's business: no label comes in here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hadua.calibration.learner import Learner
from hadua.calibration.windows import IntArray, Windows
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

ProtocolName = Literal["transductive", "inductive", "prequential"]
PROTOCOL_NAMES: tuple[ProtocolName, ...] = get_args(ProtocolName)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a learner may do.

    Args:
        steps: Gradient steps when the windows are all there beforehand.
        online_steps: Gradient steps after each block of a stream.
        block: Most windows of a block; None for whole trials.
        adapt_share: Share of the trials of every sitting that the inductive protocol adapts to.
    """

    steps: int = 200
    online_steps: int = 10
    block: int | None = None
    adapt_share: float = 0.4

    def __post_init__(self) -> None:
        counts = self.steps, self.online_steps, 1 if self.block is None else self.block
        if min(counts[:2]) < 0 or counts[2] < 1 or not 0.0 < self.adapt_share < 1.0:
            raise InvalidInputError(
                "budget of an adaptation",
                got=f"{self}",
                expected="no negative steps, blocks of a window or more, a share between 0 and 1",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Logits of some windows of a person.

    Args:
        rows: `(m,)` which windows, in the order in which they were answered.
        logits: `(m, n_classes)`.
    """

    rows: IntArray
    logits: FloatArray


def transductive(learner: Learner, target: Windows, budget: Budget) -> Answers:
    """Adapt to all windows, then answer the very same."""
    learner.learn(target, steps=budget.steps)
    return Answers(np.arange(len(target)), learner.logits(target))


def inductive(learner: Learner, target: Windows, budget: Budget) -> Answers:
    """Adapt to the first trials of every sitting, then answer the other ones.

    Raises:
        InvalidInputError: no sitting has a second trial.
    """
    early = first_trials(target, share=budget.adapt_share)
    if not early.any():
        raise InvalidInputError(
            "inductive protocol",
            got="no sitting with more than one trial",
            expected="a trial to adapt to and another one to score",
        )
    learner.learn(target.pick(early), steps=budget.steps)
    rows = np.flatnonzero(~early)
    return Answers(rows, learner.logits(target.pick(rows)))


def prequential(learner: Learner, target: Windows, budget: Budget) -> Answers:
    """Answer block by block in recorded order, each before anything has learned from it."""
    logits, depth, n = [], target.depth(), len(target)
    for start, stop in _blocks(target, budget.block):
        past = start - int(depth[start]) + 1  # first window of the stretch
        answer = learner.logits(target.pick(np.arange(past, stop)))
        logits.append(answer[start - past :])
        if stop < n:
            learner.learn(target.pick(np.arange(stop)), steps=budget.online_steps)
    return Answers(np.arange(n), np.concatenate(logits))


RUN: Mapping[ProtocolName, Callable[[Learner, Windows, Budget], Answers]] = {
    "transductive": transductive,
    "inductive": inductive,
    "prequential": prequential,
}


def first_trials(windows: Windows, *, share: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """`(n,)` whether a window is of the first `share` of its sitting's trials.

    At least one trial, and never the last; a sitting of a single trial has none.
    """
    early = np.zeros(len(windows), np.bool_)
    starts = np.flatnonzero(windows.depth() == 1)
    for session in np.unique(windows.session):
        trials = windows.stretch[starts[windows.session[starts] == session]]
        n = int(share * len(trials) + 1e-9)
        n = min(max(n, 1), len(trials) - 1)
        early |= np.isin(windows.stretch, trials[:n])
    return early


def _blocks(windows: Windows, most: int | None) -> list[tuple[int, int]]:
    """First row and end of each block; a block never spans two stretches."""
    depth = windows.depth() - 1
    starts = np.flatnonzero(depth % most == 0 if most else depth == 0).tolist()
    return list(zip(starts, [*starts[1:], len(windows)], strict=True))
