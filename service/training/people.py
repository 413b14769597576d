"""Trains on features of people, and measures on people whom the measured weights never saw.

With eight people or more some are put aside (*holdout*): the network that was scored is the one
that is shipped. With fewer, *leave one subject out*: each is scored by a network trained on the
others, and the shipped network, trained on all with the same recipe, has no score of its own.
"""

from collections.abc import Iterable
from functools import partial

import numpy as np

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.calibration.checking import choose_check_set
from hadua.calibration.dataset import MIN_COVERAGE, Dataset, Statistics, normalise
from hadua.calibration.labelled import UNLABELLED, IntArray
from hadua.calibration.scores import score
from hadua.calibration.splits import Split, holdout, leave_one_out
from hadua.calibration.temperature import fit_temperature
from hadua.models.errors import RecordingError, UsageError
from hadua.models.features import BoolArray
from hadua.models.source_statistics import SourceStatistics
from hadua.service.evaluation.sets import as_dataset
from hadua.service.training import data as training_data
from hadua.service.training.answers import Answers, carried, chosen_doubt, no_doubt
from hadua.service.training.rounds import Fitted, fit, leave_out, of_people
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


def run_features(
    features: FeatureSet, plan: Plan, *, on_progress: OnProgress, cluster: str | None = None
) -> Outcome:
    """Train on features; with a cluster, the trainings of few people are shared out over it.

    Raises:
        UsageError: a cluster for a single training.
        RecordingError: a class that nobody has, or nobody of those who would train.
        InvalidInputError: fewer than two people with labels.
    """
    data = as_dataset(features)
    usable = _usable(data)
    people = np.unique(data.subject[usable])
    if len(people) >= LEAST_FOR_HOLDOUT:
        if cluster is not None:
            raise UsageError(
                "--cluster",
                got=f"{len(people)} people, of whom one network is trained",
                expected=f"fewer than {LEAST_FOR_HOLDOUT}, each left out of a network in turn",
                hint="Leave it out: there is nothing to share out.",
            )
        aside = max(2, len(people) // 8), max(2, len(people) // 5)
        split = holdout(people, n_validation=aside[0], n_test=aside[1], seed=plan.seed)
        _require_classes(data, usable, [split], features.name)
        return _held_out(data, features, split, plan, on_progress)
    splits = list(leave_one_out(people))
    _require_classes(data, usable, splits, features.name)
    return _left_out(data, features, splits, plan, on_progress, cluster)


def _held_out(
    data: Dataset, features: FeatureSet, split: Split, plan: Plan, on_progress: OnProgress
) -> Outcome:
    fitted = fit(data, split.train, plan, partial(on_progress, "training"))
    aside = normalise(of_people(data, split.validation), fitted.source)
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
    data: Dataset,
    features: FeatureSet,
    splits: list[Split],
    plan: Plan,
    on_progress: OnProgress,
    cluster: str | None,
) -> Outcome:
    folds, fitted = leave_out(data, splits, plan, on_progress=on_progress, cluster=cluster)
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


def _carried(fitted: Fitted, data: Dataset, plan: Plan) -> tuple[SourceStatistics | None, str]:
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
