"""Who trains, who sets the temperature and threshold, and who only gives the figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hadua.adapters.datasets.feature_set import UNLABELLED, FeatureSet, FeatureTrial
from hadua.adapters.datasets.population import population
from hadua.calibration.dataset import statistics
from hadua.calibration.training import Recipe
from hadua.models.errors import InvalidInputError, RecordingError
from hadua.models.features import FloatArray, Modality
from hadua.service.evaluation.sets import as_dataset
from hadua.service.training.people import run_features
from hadua.service.training.run import Outcome, Plan

PLAN = Plan(context=3, seed=0, recipe=Recipe(epochs=1))


def trained(features: FeatureSet) -> Outcome:
    return run_features(features, PLAN, on_progress=lambda what, done, total: None)


def relabelled(features: FeatureSet, people: list[int], old: int | None, new: int) -> FeatureSet:
    """The same, one class of some people renamed; all of their classes if `old` is None."""

    def change(t: FeatureTrial) -> FeatureTrial:
        named = (t.y == old) | (old is None)
        return replace(t, y=np.where((t.subject in people) & named, new, t.y))

    return replace(features, trials=tuple(change(t) for t in features.trials))


def weights(outcome: Outcome) -> FloatArray:
    parameters = outcome.trained.network.state_dict().values()
    return torch.cat([p.flatten().double() for p in parameters]).numpy()


@pytest.fixture(scope="module")
def eight() -> FeatureSet:
    return population(0, people=8, sessions=1, trials=6, windows=4)


@pytest.fixture(scope="module")
def outcome(eight: FeatureSet) -> Outcome:
    return trained(eight)


def test_eight_people_are_put_apart(eight: FeatureSet, outcome: Outcome) -> None:
    said = outcome.protocol
    assert said.startswith("4 people trained the weights (")
    assert "2 set the temperature and threshold (" in said
    assert "2 only gave the figures (" in said
    groups = [part.split(")")[0].split(", ") for part in said.split("(")[1:]]
    assert sorted(name for group in groups for name in group) == sorted(eight.people)
    assert [row.what.split(" (")[0] for row in outcome.rows] == ["test people", "worst of them"]
    assert outcome.embeddings is None


def test_the_labels_of_test_people_change_nothing_but_the_figures(
    eight: FeatureSet, outcome: Outcome
) -> None:
    names = outcome.protocol.split("(")[3].split(")")[0].split(", ")
    tested = [eight.people.index(name) for name in names]

    other = trained(relabelled(eight, tested, None, 0))

    np.testing.assert_array_equal(weights(other), weights(outcome))
    assert other.temperature == outcome.temperature
    assert other.abstain_below == outcome.abstain_below
    assert other.rows != outcome.rows


def test_input_is_normalised_by_those_who_train(eight: FeatureSet, outcome: Outcome) -> None:
    names = outcome.protocol.split("(")[1].split(")")[0].split(", ")
    data = as_dataset(eight)
    own = np.isin(data.subject, [eight.people.index(name) for name in names])

    expected = statistics(data.pick(own))

    for m, mean, std in zip(Modality, expected.mean, expected.std, strict=True):
        np.testing.assert_array_equal(outcome.source[m][0], mean)
        np.testing.assert_array_equal(outcome.source[m][1], std)


def test_fewer_are_scored_by_networks_of_the_others() -> None:
    few = population(0, people=3, sessions=1, trials=5, windows=4)

    outcome = trained(few)

    assert [row.what for row in outcome.rows] == [
        *(f"{name}, trained on the others" for name in few.people),
        "all people together",
    ]
    together = outcome.rows[-1].scores.n_windows
    assert together == sum(row.scores.n_windows for row in outcome.rows[:-1])
    assert outcome.abstain_below == 0.0
    assert "of 3 people nobody could be put aside" in outcome.abstention


def test_who_is_left_out_is_not_learned_from() -> None:
    """Whatever their classes are called, the answers are the same: one of three names is right."""
    few = population(0, people=3, sessions=1, trials=6, windows=4)
    plan = replace(PLAN, recipe=Recipe(epochs=6))
    right = 0.0
    for turn in range(3):
        trials = (replace(t, y=(t.y + turn * (t.subject == 0)) % 3) for t in few.trials)
        turned = replace(few, trials=tuple(trials))
        outcome = run_features(turned, plan, on_progress=lambda what, done, total: None)
        right += outcome.rows[0].scores.accuracy

    assert right == pytest.approx(1.0)


def test_people_without_labels_do_not_count(eight: FeatureSet) -> None:
    outcome = trained(relabelled(eight, [5], None, UNLABELLED))

    assert len(outcome.rows) == 8, "seven are left: each is scored, and all together"
    assert not any(row.what.startswith(eight.people[5]) for row in outcome.rows)


@pytest.mark.parametrize(
    ("having", "message"),
    [
        ([], "class '.*': got no labelled and measured window"),
        ([0], "class '.*': got labelled and measured windows of P01 only"),
    ],
)
def test_a_class_that_nobody_has_to_train_on_is_named(having: list[int], message: str) -> None:
    few = population(0, people=3, sessions=1, trials=5, windows=4)
    without = relabelled(few, [k for k in range(3) if k not in having], 1, 0)

    with pytest.raises(RecordingError, match=message):
        trained(without)


def test_one_person_is_not_enough() -> None:
    alone = population(0, people=2, sessions=1, trials=5, windows=4)

    with pytest.raises(InvalidInputError, match="got 1, expected at least two"):
        trained(relabelled(alone, [1], None, UNLABELLED))
