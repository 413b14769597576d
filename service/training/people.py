"""Trains on features of people, and measures on people whom the measured weights never saw.

With eight people or more some are put aside (*holdout*): the network that was scored is the one
that is shipped. With fewer, *leave one subject out*: each is scored by a network trained on the
others, and the shipped network, trained on all with the same recipe, has no score of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.calibration.checking import choose_check_set
from hadua.calibration.dataset import MIN_COVERAGE, Dataset, Statistics, normalise, statistics
from hadua.calibration.labelled import UNLABELLED, IntArray, LabelledWindows
from hadua.calibration.scores import score
from hadua.calibration.splits import Split, holdout, leave_one_out
from hadua.calibration.temperature import fit_temperature
from hadua.calibration.training import Progress, TrainedNetwork, train
from hadua.models.errors import RecordingError
from hadua.models.features import BoolArray
from hadua.models.source_statistics import SourceStatistics
from hadua.service.evaluation.sets import as_dataset
from hadua.service.training import data as training_data
from hadua.service.training.answers import Answers, carried, chosen_doubt, no_doubt
from hadua.service.training.run import (
    CHECK_WINDOWS,
    STORED_DECIMALS,
    OnProgress,
    Outcome,
    Plan,
    ScoreRow,
    describe_split,
)

LEAST_FOR_HOLDOUT = 8
"""Fewest people of whom some are put aside."""


def run_features(features: FeatureSet, plan: Plan, *, on_progress: OnProgress) -> Outcome:
    """Train on features.

    Raises:
        RecordingError: a class that nobody has, or nobody of those who would train.
        InvalidInputError: fewer than two people with labels.
    """
    data = as_dataset(features)
    usable = _usable(data)
    people = np.unique(data.subject[usable])
    if len(people) >= LEAST_FOR_HOLDOUT:
        aside = max(2, len(people) // 8), max(2, len(people) // 5)
        split = holdout(people, n_validation=aside[0], n_test=aside[1], seed=plan.seed)
        _require_classes(data, usable, [split], features.name)
        return _held_out(data, features, split, plan, on_progress)
    splits = list(leave_one_out(people))
    _require_classes(data, usable, splits, features.name)
    return _left_out(data, features, splits, plan, on_progress)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A network with what its input is normalised by, and the windows that trained it."""

    trained: TrainedNetwork
    source: Statistics
    windows: LabelledWindows

    def answers(self, data: Dataset, people: IntArray) -> Answers:
        """What it says of other people."""
        return Answers.of(self.trained, normalise(_of(data, people), self.source))


def _held_out(
    data: Dataset, features: FeatureSet, split: Split, plan: Plan, on_progress: OnProgress
) -> Outcome:
    fitted = _fit(data, split.train, plan, partial(on_progress, "training"))
    aside = normalise(_of(data, split.validation), fitted.source)
    validation = Answers.of(fitted.trained, aside)
    temperature = _temperature(validation)
    test = fitted.answers(data, split.test)
    doubt = chosen_doubt(validation, test, temperature=temperature)
    embeddings, carries = _carried(fitted, data, plan)
    return Outcome(
        trained=fitted.trained,
        source=_by_modality(fitted.source, features),
        windows=fitted.windows,
        temperature=temperature,
        protocol=describe_split(split, data.people, set_by_others="the temperature and threshold"),
        rows=_rows(test, data),
        abstain_below=doubt.below,
        abstention=doubt.why,
        embeddings=embeddings,
        adaptation=carries,
        check_set=choose_check_set(aside, windows=CHECK_WINDOWS),
    )


def _left_out(
    data: Dataset, features: FeatureSet, splits: list[Split], plan: Plan, on_progress: OnProgress
) -> Outcome:
    everybody = np.concatenate([split.test for split in splits])
    rounds = len(splits) + 1
    folds: list[Answers] = []
    for k, split in enumerate(splits):
        who = data.people[int(split.test[0])]
        step = _part(on_progress, f"training without {who}", k, rounds)
        folds.append(_fit(data, split.train, plan, step).answers(data, split.test))
    last = _part(on_progress, "training on everybody", rounds - 1, rounds)
    fitted = _fit(data, everybody, plan, last)
    embeddings, carries = _carried(fitted, data, plan)
    together = _together(folds)
    each = (
        ScoreRow(f"{data.people[int(s.test[0])]}, trained on the others", score(f.predicted, f.y))
        for s, f in zip(splits, folds, strict=True)
    )
    return Outcome(
        trained=fitted.trained,
        source=_by_modality(fitted.source, features),
        windows=fitted.windows,
        temperature=_temperature(together),
        protocol=(
            "Leave one subject out: each person was scored by a network trained, with the same "
            f"recipe, on the other {len(splits) - 1}. The weights in this bundle were trained "
            "on all of them and have no score of their own."
        ),
        rows=(*each, ScoreRow("all people together", score(together.predicted, together.y))),
        abstention=no_doubt(len(splits)).why,
        embeddings=embeddings,
        adaptation=carries,
    )


def _fit(data: Dataset, people: IntArray, plan: Plan, step: Callable[[int, int], None]) -> _Fitted:
    def on_epoch(progress: Progress) -> None:
        step(progress.epoch, progress.epochs)

    own = _of(data, people)
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
    return _Fitted(trained, source, windows)


def _carried(fitted: _Fitted, data: Dataset, plan: Plan) -> tuple[SourceStatistics | None, str]:
    return carried(fitted.trained, fitted.windows, classes=data.classes, seed=plan.seed)


def _rows(test: Answers, data: Dataset) -> tuple[ScoreRow, ...]:
    """All test people together, and the worst of them."""
    each = [
        ScoreRow(data.people[int(k)], score(test.predicted[own], test.y[own]))
        for k in np.unique(test.subject)
        for own in [test.subject == k]
    ]
    worst = min(each, key=lambda row: row.scores.accuracy)
    return (
        ScoreRow("test people", score(test.predicted, test.y)),
        ScoreRow(f"worst of them ({worst.what})", worst.scores),
    )


def _usable(data: Dataset) -> BoolArray:
    """`(n,)` windows with a label and a modality that was measured."""
    measured = np.zeros(len(data), np.bool_)
    for values, least in zip((data.eeg, data.eye), MIN_COVERAGE, strict=True):
        if values.shape[1]:
            measured |= np.isfinite(values).mean(axis=1) >= least
    measured &= data.y != UNLABELLED
    return measured


def _require_classes(data: Dataset, usable: BoolArray, splits: Iterable[Split], name: str) -> None:
    """Refuse before the first training what the last would fail at."""
    for c, label in enumerate(data.classes):
        who = np.unique(data.subject[usable & (data.y == c)])
        if all(np.isin(split.train, who).any() for split in splits):
            continue
        only = f"labelled and measured windows of {_names(data, who)} only"
        raise RecordingError(
            f"data set {name!r}: class {label!r}",
            got=only if len(who) else "no labelled and measured window",
            expected="some of people who train, also while others are put aside to be tested",
            hint="Record the class with more people, or leave it out of the labels.",
        )


def _names(data: Dataset, people: IntArray) -> str:
    return ", ".join(data.people[int(k)] for k in people)


def _of(data: Dataset, people: IntArray) -> Dataset:
    return data.pick(np.isin(data.subject, people))


def _together(folds: list[Answers]) -> Answers:
    return Answers(
        np.concatenate([f.logits for f in folds]),
        np.concatenate([f.y for f in folds]),
        np.concatenate([f.subject for f in folds]),
        np.concatenate([f.stretch for f in folds]),
    )


def _temperature(answers: Answers) -> float:
    """As the manifest stores it."""
    return round(fit_temperature(answers.logits, answers.y), STORED_DECIMALS)


def _by_modality(source: Statistics, features: FeatureSet) -> training_data.Statistics:
    moments = zip(training_data.MODALITIES, source.mean, source.std, strict=True)
    return {m: (mean, std) for m, mean, std in moments if m in features.specs}


def _part(on_progress: OnProgress, what: str, k: int, rounds: int) -> Callable[[int, int], None]:
    """Progress of the k-th of several trainings as a share of all of them."""
    return lambda done, total: on_progress(what, k * total + done, rounds * total)
