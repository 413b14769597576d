import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, recall_score, roc_auc_score

from hadua.calibration.scores import Probabilities, answered, confusion, macro_auc, recall, score
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


@given(
    n=st.integers(1, 60),
    n_classes=st.integers(2, 5),
    steps=st.integers(2, 40),
    seed=st.integers(0, 50),
)
def test_every_figure_is_that_of_scikit_learn(
    n: int, n_classes: int, steps: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.multinomial(steps, np.full(n_classes, 1 / n_classes), n) / steps  # few values: ties
    y = rng.integers(0, n_classes, n)
    predicted, there = p.argmax(axis=1), np.unique(y)

    counts = confusion(predicted, y, n_classes=n_classes)

    assert (counts == confusion_matrix(y, predicted, labels=range(n_classes))).all()
    assert [r for r in recall(counts) if r is not None] == pytest.approx(
        recall_score(y, predicted, labels=there, average=None)
    )
    f1 = f1_score(y, predicted, labels=there, average="macro", zero_division=0.0)
    assert score(predicted, y).macro_f1 == pytest.approx(f1)
    if len(there) == 1:
        assert macro_auc(p, y) is None
    else:
        areas = [roc_auc_score(y == c, p[:, c]) for c in there]
        assert macro_auc(p, y) == pytest.approx(np.mean(areas))


def test_a_class_without_windows_has_no_recall() -> None:
    counts = confusion(np.array([0, 2, 1]), np.array([0, 0, 2]), n_classes=3)

    assert counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert recall(counts) == (0.5, None, 0.0)


def test_constant_probabilities_have_half_the_area() -> None:
    assert macro_auc(np.full((6, 3), 1 / 3), np.array([0, 0, 1, 1, 2, 2])) == 0.5


def test_one_window_has_no_area() -> None:
    assert macro_auc(np.array([[0.2, 0.8]]), np.array([1])) is None


def test_single_precision_is_scored_as_double_is() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(4), 200)
    y = np.random.default_rng(1).integers(0, 4, 200)

    assert macro_auc(p.astype(np.float32), y) == pytest.approx(macro_auc(p, y))


def test_windows_below_the_threshold_get_no_answer() -> None:
    p, y = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.3, 0.7]]), np.array([0, 0, 0, 1])

    assert answered(p, y, threshold=0.0) == answered(p, y, threshold=0.5)
    some, none = answered(p, y, threshold=0.6), answered(p, y, threshold=0.95)
    assert some.coverage == 0.75
    assert some.accuracy == pytest.approx(2 / 3)
    assert (none.coverage, none.accuracy) == (0.0, None)


@pytest.mark.parametrize(
    ("p", "y", "what"),
    [
        (np.zeros((0, 2)), [], r"probabilities \(0, 2\)"),
        (np.full((2, 2), 0.5), [0], r"probabilities \(2, 2\), true classes \(1,\)"),
        (np.full((1, 2), 0.6), [0], r"rows that sum to 1\.2"),
        (np.array([[1.5, -0.5]]), [0], r"values from -0\.5"),
        (np.array([[np.nan, 0.5]]), [0], "values from nan"),
        (np.full((1, 2), 0.5), [2], "classes 2 to 2, expected 0 to 1"),
        (np.full((1, 2), 0.5), [-1], "Unlabelled windows are not scored"),
    ],
)
def test_what_no_figure_can_be_made_of_is_refused(
    p: Probabilities, y: list[int], what: str
) -> None:
    with pytest.raises(InvalidInputError, match=what):
        macro_auc(p, np.array(y, dtype=np.int64))


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
