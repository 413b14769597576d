import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.calibration.splits import holdout, leave_one_out
from hadua.models.errors import InvalidInputError


@given(n=st.integers(4, 30), seed=st.integers(0, 99))
def test_nobody_is_in_two_parts(n: int, seed: int) -> None:
    people = np.repeat(np.arange(n), 3)

    split = holdout(people, n_validation=1, n_test=2, seed=seed)

    parts = np.concatenate([split.train, split.validation, split.test])
    assert sorted(parts.tolist()) == list(range(n))
    assert (len(split.validation), len(split.test)) == (1, 2)
    again = holdout(people, n_validation=1, n_test=2, seed=seed)
    assert again.test.tolist() == split.test.tolist()


def test_everyone_is_left_out_once() -> None:
    splits = list(leave_one_out(np.array([3, 3, 5, 9])))

    assert [s.test.tolist() for s in splits] == [[3], [5], [9]]
    assert [s.train.tolist() for s in splits] == [[5, 9], [3, 9], [3, 5]]


def test_too_few_people_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="got 3, expected more than 3"):
        holdout(np.arange(3), n_validation=1, n_test=2, seed=0)
    with pytest.raises(InvalidInputError, match="leave-one-subject-out: got 1"):
        list(leave_one_out(np.array([4, 4])))
