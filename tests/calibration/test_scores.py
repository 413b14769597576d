import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.calibration.scores import score
from hadua.calibration.temperature import fit_temperature, negative_log_likelihood
from hadua.models.errors import InvalidInputError
from hadua.models.prediction import softmax


def test_scores_of_a_case_worked_by_hand() -> None:
    s = score(np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 2]))

    assert s.accuracy == pytest.approx(4 / 6)
    assert s.macro_f1 == pytest.approx((2 / 3 + 4 / 6 + 2 / 3) / 3)
    assert s.chance == pytest.approx(3 / 6)
    assert s.n_windows == 6


@given(y=st.lists(st.integers(0, 4), min_size=1))
def test_all_right_is_one_and_the_commonest_class_is_chance(y: list[int]) -> None:
    true = np.array(y)
    commonest = np.full(len(y), np.bincount(true).argmax())

    assert score(true, true).macro_f1 == 1.0
    assert score(commonest, true).accuracy == score(true, true).chance


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"predicted \(0,\)"):
        score(np.zeros(0, np.int64), np.zeros(0, np.int64))


@given(true=st.floats(0.3, 5.0), seed=st.integers(0, 20))
def test_the_temperature_that_made_the_labels_is_found(true: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 4.0, (4000, 3))
    p = softmax(logits, temperature=true)
    y = (rng.random((4000, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=2)

    found = fit_temperature(logits, y)

    assert found == pytest.approx(true, rel=0.2)
    for other in (0.7 * found, 1.4 * found):
        assert negative_log_likelihood(logits, y, temperature=found) < negative_log_likelihood(
            logits, y, temperature=other
        )
