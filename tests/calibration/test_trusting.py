"""What told classes do to a reading, and to the fit of a calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.toy_bundle import toy_bundle
from support.toy_calibration import COLLECTED, LABELLED, PERSON

from hadua.calibration.fit import FitSettings, Target, fit
from hadua.calibration.person_reader import read
from hadua.calibration.pieces import Pieces
from hadua.calibration.profile import Profile
from hadua.calibration.profile_files import to_files
from hadua.calibration.told import TRUSTED_SHARE
from hadua.calibration.trusting import UNTOLD, believed, names, of_pieces
from hadua.calibration.windows import IntArray
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax

N, N_CLASSES, SEPARATION = 45, 3, 6.0


def pieces_of(y: IntArray, *, seed: int) -> Pieces:
    """Pieces whose classes lie far apart."""
    rng = np.random.default_rng(seed)
    means = SEPARATION * np.eye(N_CLASSES, 8)
    x = means[y] + rng.standard_normal((len(y), 8))
    n = len(y)
    return Pieces(np.arange(n), x, rng.standard_normal((n, 4)), np.arange(n))


def opinion_of(said: IntArray, *, seed: int) -> FloatArray:
    """Logits that say a class of each, unsurely."""
    noise = np.random.default_rng(seed).standard_normal((len(said), N_CLASSES))
    return np.asarray(1.5 * np.eye(N_CLASSES)[said] + 0.5 * noise)


def told_of_one_each(y: IntArray) -> IntArray:
    """The first piece of each class."""
    told = np.full(len(y), UNTOLD)
    first = [int(np.flatnonzero(y == c)[0]) for c in range(N_CLASSES)]
    told[first] = y[first]
    return told


@pytest.mark.parametrize("order", [(1, 2, 0), (1, 0, 2), (0, 1, 2)])
def test_one_label_of_each_class_gives_exchanged_classes_their_names(
    order: tuple[int, ...],
) -> None:
    y = np.arange(N) % N_CLASSES
    pieces, opinion = pieces_of(y, seed=0), opinion_of(np.array(order)[y], seed=1)
    p = read(pieces, opinion, rng=np.random.default_rng(2))
    assert (p.argmax(axis=1) == np.array(order)[y]).mean() > 0.9  # sure of what is not so
    told = told_of_one_each(y)
    columns = names(p, told)
    assert tuple(columns) == order
    again = read(pieces, opinion[:, columns], rng=np.random.default_rng(2), told=told)
    assert (again.argmax(axis=1) == y).mean() > 0.9


def test_one_label_that_contradicts_does_not_exchange_what_all_others_support() -> None:
    y = np.arange(N) % N_CLASSES
    p = softmax(4.0 * np.eye(N_CLASSES)[y])
    told = y.copy()
    told[0] = (y[0] + 1) % N_CLASSES
    assert tuple(names(p, told)) == (0, 1, 2)
    assert tuple(names(p, np.where(np.arange(N) == 0, told, UNTOLD))) == (0, 1, 2)


@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(0, 12), n_classes=st.integers(2, 5),
    share=st.floats(0.0, 1.0),
)  # fmt: skip
def test_what_was_told_is_believed_and_the_rest_stays(
    seed: int, n: int, n_classes: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(n_classes), n)
    told = np.where(rng.random(n) < share, rng.integers(0, n_classes, n), UNTOLD)
    out, known = believed(p, told), told != UNTOLD
    np.testing.assert_array_equal(out[~known], p[~known])
    np.testing.assert_allclose(out.sum(axis=1), 1.0)
    np.testing.assert_allclose(out[known, told[known]], TRUSTED_SHARE)
    assert sorted(names(p, told)) == list(range(n_classes))


def test_half_of_a_piece_is_enough() -> None:
    piece = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    told = np.array([1, 1, UNTOLD, UNTOLD, 2, UNTOLD, UNTOLD, 0])
    assert of_pieces(told, piece).tolist() == [1, UNTOLD, 0]
    assert of_pieces(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


def fitted(told: IntArray | None) -> Profile:
    bundle = toy_bundle()
    target = Target(PERSON, 1, 0, COLLECTED, bundle.normalisation, told=told)
    return fit(bundle, target, source=None, seed=0, settings=FitSettings(steps=12))


def test_a_fit_that_is_told_nothing_is_the_same_bit_for_bit_and_one_that_is_told_differs() -> None:
    nothing, untold = fitted(None), fitted(np.full(len(COLLECTED), UNTOLD))
    assert to_files(nothing) == to_files(untold)
    assert "told_windows" not in nothing.made.settings
    told = np.where(np.arange(len(COLLECTED)) < 12, LABELLED.y[: len(COLLECTED)], UNTOLD)
    some = fitted(told)
    assert some.made.settings["told_windows"] == 12
    assert any(not np.array_equal(some.weights[k], nothing.weights[k]) for k in nothing.weights)
