"""Trains on simulated people: some train, some set the temperature, some only give the figures.

What comes of a training is here too: `Outcome` is the same whatever was trained on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from hadua.calibration.checking import choose_check_set
from hadua.calibration.labelled import IntArray, LabelledWindows
from hadua.calibration.scores import Scores, score
from hadua.calibration.splits import Split, holdout
from hadua.calibration.temperature import fit_temperature
from hadua.calibration.training import Progress, Recipe, TrainedNetwork, logits_of, train
from hadua.models.check_set import CheckSet
from hadua.models.source_statistics import SourceStatistics
from hadua.service.training.answers import carried
from hadua.service.training.data import Recorded, Statistics, assemble, statistics
from hadua.service.training.sets import TrainingSet

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

CHECK_WINDOWS = 240
"""About how many windows a bundle carries to notice a network that breaks."""
STORED_DECIMALS = 4
"""Decimals of a temperature in the manifest."""
_SCORED = " Windows of the rest itself are not scored."


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
        windows: What trained the network, normalised as it was for it.
        temperature: Fitted on people it was not trained on.
        protocol: How the figures came about, in words.
        rows: The figures.
        abstain_below: Least confidence at which a label is given; 0 gives one always.
        abstention: How that came about, in words; empty if nothing was tried.
        embeddings: What adaptation can use in place of source windows.
        adaptation: Why there are such embeddings or none, in words; empty if none were tried.
        check_set: Labelled windows of people who set the temperature, as far as there are such.
    """

    trained: TrainedNetwork
    source: Statistics
    windows: LabelledWindows
    temperature: float
    protocol: str
    rows: tuple[ScoreRow, ...]
    abstain_below: float = 0.0
    abstention: str = ""
    embeddings: SourceStatistics | None = None
    adaptation: str = ""
    check_set: CheckSet | None = None


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


def run_simulated(data: TrainingSet, plan: Plan, *, on_progress: OnProgress) -> Outcome:
    """Train on most people, set the temperature on a tenth, score on a fifth."""
    n = len(data.people)
    split = holdout(
        np.arange(n), n_validation=max(1, n // 10), n_test=max(1, n // 5), seed=plan.seed
    )
    source = statistics(_of(data, split.train), data.specs)
    windows = _assemble(data, split.train, source, data.baselines)
    trained = _train(windows, data, plan, partial(on_progress, "training"))
    validation = _assemble(data, split.validation, source, data.baselines)
    rows, logits = logits_of(trained, validation)
    embeddings, carries = carried(trained, windows, classes=data.classes, seed=plan.seed)
    return Outcome(
        trained=trained,
        source=source,
        windows=windows,
        temperature=fit_temperature(logits, validation.y[rows]),
        protocol=describe_split(split, data.people) + _SCORED,
        rows=tuple(
            row
            for baseline_s in data.baselines
            for row in _score_people(data, split.test, source, trained, baseline_s)
        ),
        embeddings=embeddings,
        adaptation=carries,
        check_set=choose_check_set(
            _assemble(data, split.validation, source, (0.0,)), windows=CHECK_WINDOWS
        ),
    )


def describe_split(
    split: Split, people: Sequence[str], *, set_by_others: str = "the temperature"
) -> str:
    """Say who trained, who set what besides the weights, and who only gave the figures."""

    def names(indices: IntArray) -> str:
        return ", ".join(people[int(k)].removeprefix("simulated person ") for k in indices)

    return (
        f"{len(split.train)} people trained the weights ({names(split.train)}), "
        f"{len(split.validation)} set {set_by_others} ({names(split.validation)}), and "
        f"{len(split.test)} only gave the figures ({names(split.test)}). The number of epochs was "
        "fixed beforehand."
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


def _train(
    windows: LabelledWindows, data: TrainingSet, plan: Plan, step: Callable[[int, int], None]
) -> TrainedNetwork:
    def on_epoch(progress: Progress) -> None:
        step(progress.epoch, progress.epochs)

    return train(
        windows,
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
