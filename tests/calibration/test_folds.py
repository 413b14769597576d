from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.evaluation import CLASSES, constant, dataset, noise, nothing, with_labels

from hadua.calibration.dataset import Dataset
from hadua.calibration.folds import SPLIT_NAMES, Fold, SplitName, fold_of, held_out_stimuli
from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.windows import IntArray, Windows
from hadua.models.errors import InvalidInputError

DATA = dataset(people=6)


@given(person=st.integers(0, 5), seed=st.integers(0, 20), n=st.integers(0, 4))
def test_everybody_is_in_one_part_only(person: int, seed: int, n: int) -> None:
    fold = fold_of(DATA, person=person, seed=seed, n_validation=n)

    source, validation, target = (
        set(w.subject.tolist()) for w in (fold.source.windows, fold.validation.windows, fold.target)
    )
    assert target == {person}
    assert source | validation == set(range(6)) - {person}
    assert not source & validation
    assert len(validation) == (n if n <= 2 else 0), "three at least are left to train on"


def test_normalisation_knows_the_source_people_alone() -> None:
    moved = replace(DATA, eeg=np.where(DATA.subject[:, None] == 2, DATA.eeg + 50.0, DATA.eeg))

    here, there = (fold_of(d, person=2, seed=0, n_validation=1) for d in (DATA, moved))

    np.testing.assert_array_equal(here.source.windows.x_eeg, there.source.windows.x_eeg)
    assert (there.target.x_eeg - here.target.x_eeg).min() > 5.0
    np.testing.assert_allclose(here.source.windows.x_eeg.mean(axis=0), 0.0, atol=1e-5)


def test_the_target_comes_in_recorded_order() -> None:
    shuffled = DATA.pick(np.lexsort((-DATA.session, DATA.subject)))  # sittings stored last first

    fold = fold_of(shuffled, person=1, seed=0)

    assert (np.diff(fold.target.session) >= 0).all()
    assert (np.diff(fold.target.stretch) >= 0).all()
    np.testing.assert_array_equal(shuffled.stretch[fold.rows], fold.target.stretch)
    np.testing.assert_array_equal(fold.target.depth(), np.tile([1, 2, 3, 4], 12))


@pytest.mark.parametrize("split", SPLIT_NAMES)
@pytest.mark.parametrize("poison", [constant, noise, nothing])
def test_a_fold_does_not_depend_on_the_labels_of_its_test_person(
    split: SplitName, poison: Callable[[IntArray], IntArray]
) -> None:
    poisoned = with_labels(DATA, 3, poison)

    one, other = (
        fold_of(d, person=3, seed=1, split=split, n_validation=1) for d in (DATA, poisoned)
    )

    assert not np.array_equal(poisoned.y, DATA.y)
    for a, b in zip(_arrays(one), _arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_stimuli_held_out_are_in_no_source() -> None:
    fold = fold_of(DATA, person=0, seed=0, split="leave-subject-and-stimulus-out")

    tested = set(DATA.stimulus[fold.rows].tolist())
    trained = set(DATA.stimulus[np.isin(DATA.stretch, fold.source.windows.stretch)].tolist())
    assert not tested & trained
    assert tested | trained == set(DATA.stimulus.tolist())
    assert np.bincount(DATA.y[fold.rows]).tolist() == [4, 4, 4], "a stimulus of four, each class"


@given(seed=st.integers(0, 50), share=st.floats(0.1, 0.9))
def test_every_class_keeps_stimuli_on_both_sides(seed: int, share: float) -> None:
    held_out = held_out_stimuli(DATA, seed=seed, share=share)

    rows = np.isin(DATA.stimulus, held_out)
    assert set(DATA.y[rows].tolist()) == set(DATA.y[~rows].tolist()) == set(range(len(CLASSES)))


def test_a_stimulus_that_only_the_test_person_saw_is_not_held_out() -> None:
    own = replace(DATA, stimulus=np.where(DATA.subject == 0, 1000 + DATA.stretch, DATA.stimulus))

    with pytest.raises(InvalidInputError, match="test person 'P1': got no windows, expected some"):
        fold_of(own, person=0, seed=0, split="leave-subject-and-stimulus-out")


def test_a_single_person_cannot_be_tested() -> None:
    with pytest.raises(InvalidInputError, match="people to split: got 0"):
        fold_of(DATA.pick(DATA.subject == 0), person=0, seed=0)


def test_unlabelled_windows_stay_as_the_past_of_others() -> None:
    y = DATA.y.copy()
    y[::2] = UNLABELLED
    partly = replace(DATA, y=y)

    fold = fold_of(partly, person=0, seed=0)

    assert len(fold.target) == (DATA.subject == 0).sum()
    assert (fold.source.y == UNLABELLED).sum() == (DATA.subject != 0).sum() // 2


def _arrays(fold: Fold) -> list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    windows = (fold.source.windows, fold.validation.windows, fold.target)
    parts = [getattr(w, f.name) for w in windows for f in fields(Windows)]
    return [*parts, fold.source.y, fold.validation.y, fold.rows]


def test_the_poison_reaches_the_data_set_itself() -> None:
    poisoned: Dataset = with_labels(DATA, 3, nothing)

    assert (poisoned.y[poisoned.subject == 3] == UNLABELLED).all()
    np.testing.assert_array_equal(poisoned.y[poisoned.subject != 3], DATA.y[DATA.subject != 3])
