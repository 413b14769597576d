"""Which people a network learns from and which only judge it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hadua.calibration.labelled import IntArray
from hadua.models.errors import InvalidInputError


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """People, each in one part only.

    Args:
        train: Those whose windows change the weights.
        validation: Those on whom the temperature is fitted; may be empty.
        test: Those who only give the figures.
    """

    train: IntArray
    validation: IntArray
    test: IntArray


def holdout(subjects: IntArray, *, n_validation: int, n_test: int, seed: int) -> Split:
    """Draw validation and test people at random, the same for the same seed.

    Raises:
        InvalidInputError: nobody would be left to train on.
    """
    people = np.unique(subjects)
    if len(people) <= n_validation + n_test:
        raise InvalidInputError(
            "people to split",
            got=f"{len(people)}",
            expected=f"more than {n_validation + n_test}: {n_validation} for validation, "
            f"{n_test} for the test, and someone to train on",
        )
    order = np.random.default_rng(seed).permutation(people)
    validation, test = order[:n_validation], order[n_validation : n_validation + n_test]
    return Split(
        np.sort(order[n_validation + n_test :]), validation=np.sort(validation), test=np.sort(test)
    )


def leave_one_out(subjects: IntArray) -> Iterator[Split]:
    """One split per person, who is the test; all others train.

    Raises:
        InvalidInputError: fewer than two people.
    """
    people = np.unique(subjects)
    if len(people) < 2:
        raise InvalidInputError(
            "people for leave-one-subject-out",
            got=f"{len(people)}",
            expected="at least two",
            hint="Without a second person nothing can be said about people not trained on.",
        )
    nobody = np.zeros(0, np.int64)
    for person in people:
        yield Split(people[people != person], nobody, np.array([person]))
