"""The threshold and the embeddings of a bundle, each with the sentence that goes into its card."""

import numpy as np
import pytest
from support.evaluation import dataset

from hadua.calibration.abstention import choose_threshold
from hadua.calibration.dataset import normalise, statistics
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.training import Recipe, TrainedNetwork, train
from hadua.models.prediction import softmax
from hadua.models.source_statistics import require_source_statistics
from hadua.service.training.answers import (
    TARGET_ACCURACY,
    Answers,
    carried,
    chosen_doubt,
    no_doubt,
)

CLASSES = ("calm", "tense", "glad")


def answers(*, right: float, seed: int = 0, per_trial: int = 2, n: int = 1200) -> Answers:
    """Half of the windows sure and always right, half doubtful and right this often."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    sure = np.arange(n) % 2 == 0
    named = np.where(sure | (rng.random(n) < right), y, (y + 1) % 3)
    logits = np.where(sure, 6.0, 0.5)[:, None] * np.eye(3)[named]
    return Answers(logits, y, np.zeros(n, np.int64), np.arange(n) // per_trial)


def trained(people: int, *, trials: int = 18) -> tuple[TrainedNetwork, LabelledWindows]:
    data = dataset(people=people, sessions=2, trials=trials, windows=4)
    windows = normalise(data, statistics(data))
    return train(windows, n_classes=3, context=3, seed=0, recipe=Recipe(epochs=1)), windows


def test_a_threshold_is_chosen_on_the_validation_people_alone() -> None:
    validation = answers(right=0.3)

    one = chosen_doubt(validation, answers(right=0.9, seed=1), temperature=1.0)
    other = chosen_doubt(validation, answers(right=0.0, seed=2), temperature=1.0)

    expected = choose_threshold(
        softmax(validation.logits, temperature=1.0),
        validation.y,
        target_accuracy=TARGET_ACCURACY,
        windows_per_trial=2.0,
    )
    assert expected.reached
    assert one.below == other.below == expected.threshold > 0
    assert f"below a confidence of {one.below:g}" in one.why
    assert "600 trials" in one.why
    assert "test people's windows 50% are answered, 1.000 of them rightly" in one.why


def test_windows_of_a_trial_count_as_one() -> None:
    few = answers(right=0.3, per_trial=200)

    doubt = chosen_doubt(few, few, temperature=1.0)

    assert doubt.below == 0.0, "six trials are too few to be certain"
    assert "no threshold that answers half of them is certain" in doubt.why


def test_a_label_is_always_given_if_all_are_right_enough() -> None:
    good = answers(right=0.95)

    doubt = chosen_doubt(good, good, temperature=1.0)

    assert doubt.below == 0.0
    assert "0.8 was asked for" in doubt.why


def test_with_nobody_put_aside_a_label_is_always_given() -> None:
    doubt = no_doubt(3)

    assert doubt.below == 0.0
    assert "of 3 people nobody could be put aside" in doubt.why


def test_embeddings_are_of_all_measured_windows_and_may_be_carried() -> None:
    network, windows = trained(3)

    statistics_, why = carried(network, windows, classes=CLASSES, seed=0)

    assert statistics_ is not None
    require_source_statistics(statistics_, n_classes=3, where="test")
    assert statistics_.windows.tolist() == np.bincount(windows.y[windows.targets()]).tolist()
    assert statistics_.people.tolist() == [3, 3, 3]
    assert statistics_.has_consensus
    assert statistics_.consensus_eeg.shape == (windows.windows.x_eeg.shape[1], 3)
    assert "what these people agree on" in why
    n = int(statistics_.windows.sum())
    assert f"all {n} windows of the 3 people who trained it, {n} of them labelled" in why


@pytest.mark.parametrize(
    ("people", "trials", "message"),
    [
        (2, 18, "96 windows of 2 people"),
        (4, 3, "32 windows of 4 people"),
    ],
)
def test_means_over_too_few_are_not_carried(people: int, trials: int, message: str) -> None:
    network, windows = trained(people, trials=trials)

    statistics_, why = carried(network, windows, classes=CLASSES, seed=0)

    assert statistics_ is None
    assert message in why
    assert "cannot be adapted without source windows" in why
