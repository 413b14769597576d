"""Reading a person: wrong labels are corrected by the others, and nobody believes their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.calibration.person_reader import cross_fitted, read
from hadua.calibration.pieces import Pieces
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax


def pieces(n: int, *, seed: int, apart: float = 3.0, d: int = 40) -> tuple[Pieces, FloatArray]:
    """Pieces of three classes that lie apart, and one-hot classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = rng.standard_normal((n, d)) + apart * rng.standard_normal((3, d))[y] / np.sqrt(d) * 3.0
    each = np.arange(n)
    return Pieces(each, x[:, : d // 2], x[:, d // 2 :], each), np.eye(3)[y]


def doubtful(truth: FloatArray, *, right: float, seed: int) -> FloatArray:
    """Logits that favour the truth in a share of the pieces, another class in the rest."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(truth)) >= right
    shown = np.where(wrong[:, None], np.roll(truth, 1, axis=1), truth)
    return np.asarray(1.5 * shown)


@pytest.mark.parametrize("seed", range(5))
def test_wrong_opinions_of_some_pieces_are_corrected_by_the_others(seed: int) -> None:
    given_, truth = pieces(45, seed=seed)
    opinion = doubtful(truth, right=0.7, seed=seed)

    p = read(given_, opinion, rng=np.random.default_rng(seed))

    before = (opinion.argmax(axis=1) == truth.argmax(axis=1)).mean()
    after = (p.argmax(axis=1) == truth.argmax(axis=1)).mean()
    assert after >= max(before + 0.1, 0.9)


@given(seed=st.integers(0, 999), row=st.integers(0, 19))
@settings(max_examples=30, deadline=None)
def test_the_scores_of_a_piece_do_not_depend_on_its_own_label(seed: int, row: int) -> None:
    given_, truth = pieces(20, seed=seed)
    x, p = np.hstack((given_.eeg, given_.eye)), softmax(2.0 * truth)
    other = p.copy()
    other[row] = np.roll(p[row], 1)

    a, b = (cross_fitted(x, labels, rng=np.random.default_rng(seed)) for labels in (p, other))

    np.testing.assert_array_equal(a[row], b[row])
    assert np.abs(a - b).max() > 0.0


def test_renamed_classes_give_renamed_answers() -> None:
    given_, truth = pieces(30, seed=3)
    opinion, order = doubtful(truth, right=0.7, seed=3), [2, 0, 1]

    straight = read(given_, opinion, rng=np.random.default_rng(0))
    renamed = read(given_, opinion[:, order], rng=np.random.default_rng(0))

    np.testing.assert_allclose(renamed, straight[:, order], atol=1e-8)


def test_a_class_that_swallows_the_others_is_kept_from_it() -> None:
    given_, truth = pieces(30, seed=4)
    opinion = doubtful(truth, right=1.0, seed=4) * [0.2, 0.2, 0.2] + [1.0, 0.0, 0.0]

    with_it = read(given_, opinion, rng=np.random.default_rng(0)).mean(axis=0)
    without = read(given_, opinion, rng=np.random.default_rng(0), alignment=0.0).mean(axis=0)

    assert with_it.max() < without.max()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_of_hardly_any_pieces_it_says_what_the_opinion_says(n: int) -> None:
    given_, truth = pieces(3, seed=5)
    few = Pieces(given_.of_window[:n], given_.eeg[:n], given_.eye[:n], given_.first[:n])

    p = read(few, 3.0 * truth[:n], rng=np.random.default_rng(0))

    assert p.shape == (n, 3)
    assert np.isfinite(p).all()
    assert (p.argmax(axis=1) == truth[:n].argmax(axis=1)).all()


def test_pieces_all_alike_leave_the_opinion_in_charge() -> None:
    flat = Pieces(np.arange(9), np.zeros((9, 4)), np.zeros((9, 2)), np.arange(9))
    opinion = 2.0 * np.eye(3)[np.arange(9) % 3]

    p = read(flat, opinion, rng=np.random.default_rng(0))

    np.testing.assert_allclose(p, softmax(opinion), atol=1e-6)
