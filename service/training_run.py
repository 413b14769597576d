"""Trains what a bundle holds, and measures it on people whom the shipped weights never saw.

Two protocols. *Holdout*: some people train, some set the temperature, some only give the figures;
the network that was scored is the one that is shipped. *Leave one subject out*: with too few people
to put any aside, each is scored by a network trained on the others, and the shipped network,
trained on all of them with the same recipe, has no score of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from hadua.calibration.labelled import IntArray, LabelledWindows
from hadua.calibration.scores import Scores, score
from hadua.calibration.splits import Split, holdout, leave_one_out
from hadua.calibration.temperature import fit_temperature
from hadua.calibration.training import Progress, Recipe, TrainedNetwork, logits_of, train
from hadua.models.features import FloatArray
from hadua.service.training_data import Recorded, Statistics, assemble, statistics
from hadua.service.training_sets import TrainingSet

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of the card's table of scores."""

    what: str
    scores: Scores


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A network to ship, and what is known of it.

    Args:
        trained: The network.
        source: The statistics its input is normalised with.
        temperature: Fitted on people it was not trained on.
        protocol: How the figures came about, in words.
        rows: The figures.
    """

    trained: TrainedNetwork
    source: Statistics
    temperature: float
    protocol: str
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train.

    Args:
        context: Greatest number of windows the network looks at.
        seed: Start of every random number.
        recipe: How to train.
    """

    context: int
    seed: int
    recipe: Recipe


def run_holdout(data: TrainingSet, plan: Plan, *, on_progress: OnProgress) -> Outcome:
    """Train on most people, set the temperature on a tenth, score on a fifth."""
    n = len(data.people)
    split = holdout(
        np.arange(n), n_validation=max(1, n // 10), n_test=max(1, n // 5), seed=plan.seed
    )
    source = statistics(_of(data, split.train), data.specs)
    trained = _train(data, split.train, source, plan, partial(on_progress, "training"))
    validation = _assemble(data, split.validation, source, data.baselines)
    rows, logits = logits_of(trained, validation)
    return Outcome(
        trained=trained,
        source=source,
        temperature=fit_temperature(logits, validation.y[rows]),
        protocol=_describe(split, data.people),
        rows=tuple(
            row
            for baseline_s in data.baselines
            for row in _score_people(data, split.test, source, trained, baseline_s)
        ),
    )


def run_leave_one_out(data: TrainingSet, plan: Plan, *, on_progress: OnProgress) -> Outcome:
    """Score every person with a network trained on the others; then train on everybody."""
    everybody = np.arange(len(data.people))
    rounds = len(everybody) + 1
    folds: list[tuple[FloatArray, IntArray]] = []
    for k, split in enumerate(leave_one_out(everybody)):
        who = data.people[int(split.test[0])]
        step = _part(on_progress, f"training without {who}", k, rounds)
        source = statistics(_of(data, split.train), data.specs)
        trained = _train(data, split.train, source, plan, step)
        test = _assemble(data, split.test, source, (0.0,))
        rows, logits = logits_of(trained, test)
        folds.append((logits, test.y[rows]))
    source = statistics(data.recordings, data.specs)
    last = _part(on_progress, "training on everybody", rounds - 1, rounds)
    trained = _train(data, everybody, source, plan, last)
    logits, y = np.concatenate([f[0] for f in folds]), np.concatenate([f[1] for f in folds])
    people = [
        ScoreRow(f"{who}, trained on the others", score(f[0].argmax(axis=1), f[1]))
        for who, f in zip(data.people, folds, strict=True)
    ]
    return Outcome(
        trained=trained,
        source=source,
        temperature=fit_temperature(logits, y),
        protocol=(
            "Leave one subject out: each person was scored by a network trained, with the same "
            f"recipe, on the other {len(everybody) - 1}. The weights in this bundle were trained "
            "on all of them and have no score of their own."
        ),
        rows=(*people, ScoreRow("all people together", score(logits.argmax(axis=1), y))),
    )


def _train(
    data: TrainingSet,
    people: IntArray,
    source: Statistics,
    plan: Plan,
    step: Callable[[int, int], None],
) -> TrainedNetwork:
    def on_epoch(progress: Progress) -> None:
        step(progress.epoch, progress.epochs)

    return train(
        _assemble(data, people, source, data.baselines),
        n_classes=len(data.classes),
        context=plan.context,
        seed=plan.seed,
        recipe=plan.recipe,
        on_epoch=on_epoch,
    )


def _score_people(
    data: TrainingSet,
    people: IntArray,
    source: Statistics,
    trained: TrainedNetwork,
    baseline_s: float,
) -> list[ScoreRow]:
    """All test people together, and the worst of them, from the end of their rest on."""
    test = _assemble(data, people, source, (baseline_s,))
    rows, logits = logits_of(trained, test)
    hop_s = next(iter(data.specs.values())).hop_s
    later = test.windows.depth()[rows] * hop_s > data.rest_s
    rows, logits = rows[later], logits[later]
    predicted, y, subject = logits.argmax(axis=1), test.y[rows], test.windows.subject[rows]
    each = [
        ScoreRow(data.people[int(k)], score(predicted[subject == k], y[subject == k]))
        for k in np.unique(subject)
    ]
    worst = min(each, key=lambda row: row.scores.accuracy)
    how = f"after {baseline_s:g} s of rest" if baseline_s else "without a resting baseline"
    return [
        ScoreRow(f"test people, {how}", score(predicted, y)),
        ScoreRow(f"worst of them ({worst.what}), {how}", worst.scores),
    ]


def _of(data: TrainingSet, people: IntArray) -> list[Recorded]:
    return [r for r in data.recordings if r.subject in people]


def _assemble(
    data: TrainingSet, people: IntArray, source: Statistics, baselines: Sequence[float]
) -> LabelledWindows:
    return assemble(_of(data, people), data.specs, source, baselines=baselines)


def _part(on_progress: OnProgress, what: str, k: int, rounds: int) -> Callable[[int, int], None]:
    """Progress of the k-th of several trainings as a share of all of them."""
    return lambda done, total: on_progress(what, k * total + done, rounds * total)


def _describe(split: Split, people: Sequence[str]) -> str:
    def names(indices: IntArray) -> str:
        return ", ".join(people[int(k)].removeprefix("simulated person ") for k in indices)

    return (
        f"{len(split.train)} people trained the weights ({names(split.train)}), "
        f"{len(split.validation)} set the temperature ({names(split.validation)}), and "
        f"{len(split.test)} only gave the figures ({names(split.test)}). The number of epochs was "
        "fixed beforehand. Windows of the rest itself are not scored."
    )


def as_plain(rows: Sequence[ScoreRow]) -> list[Mapping[str, object]]:
    """The table of scores as plain values."""
    return [
        {
            "what": row.what,
            "accuracy": row.scores.accuracy,
            "macro_f1": row.scores.macro_f1,
            "chance": row.scores.chance,
            "n_windows": row.scores.n_windows,
        }
        for row in rows
    ]
