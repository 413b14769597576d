"""The consensus: what is right in everybody is heard, what is right in some people only is not."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from support.toy_people import EEG_ONLY, N_CLASSES, people

from hadua.calibration.consensus import SHRINKAGE, Consensus, discriminant
from hadua.calibration.labelled import UNLABELLED, LabelledWindows
from hadua.calibration.pieces import Pieces

SOURCE = people(0, n_people=6, noise=0.5)


def fickle(data: LabelledWindows, *, modality: int) -> LabelledWindows:
    """One modality points the wrong way in every third person, and further the right way else."""
    x = [data.windows.x_eeg.copy(), data.windows.x_eye.copy()]
    wrong = data.windows.subject % 3 == 2
    x[modality][:, 0] *= np.where(wrong, -2.0, 2.0)
    return LabelledWindows(replace(data.windows, x_eeg=x[0], x_eye=x[1]), data.y)


def test_it_knows_the_classes_of_someone_new() -> None:
    agreed = Consensus.of(SOURCE, n_classes=N_CLASSES)
    new = people(9, n_stretches=40, noise=0.5)

    assert agreed is not None
    pieces = Pieces.of(new.windows)
    said = agreed.logits(pieces)[pieces.of_window].argmax(axis=1)
    assert (said == new.y).mean() > 0.99


@pytest.mark.parametrize("modality", [0, 1])
def test_what_is_wrong_in_some_people_has_little_say(modality: int) -> None:
    steady = Consensus.of(SOURCE, n_classes=N_CLASSES)
    shaken = Consensus.of(fickle(SOURCE, modality=modality), n_classes=N_CLASSES)

    def say(of: Consensus | None) -> float:
        assert of is not None
        mine, other = (of.eeg, of.eye) if modality == 0 else (of.eye, of.eeg)
        return float(np.linalg.norm(mine) / np.linalg.norm(other))

    assert say(shaken) < 0.1 * say(steady)


def test_swapped_classes_swap_its_columns() -> None:
    straight = Consensus.of(SOURCE, n_classes=N_CLASSES)
    swapped = Consensus.of(LabelledWindows(SOURCE.windows, 1 - SOURCE.y), n_classes=N_CLASSES)

    assert straight is not None
    assert swapped is not None
    np.testing.assert_allclose(swapped.eeg, straight.eeg[:, ::-1], rtol=1e-6, atol=1e-9)


def test_without_a_modality_the_other_one_speaks_alone() -> None:
    agreed = Consensus.of(people(0, n_people=4, senses=EEG_ONLY), n_classes=N_CLASSES)

    assert agreed is not None
    assert agreed.eye.shape == (0, N_CLASSES)
    assert np.abs(agreed.eeg).max() > 0.0


def test_unlabelled_windows_do_not_count() -> None:
    y = SOURCE.y.copy()
    y[::3] = UNLABELLED  # every piece keeps labelled windows

    some = Consensus.of(LabelledWindows(SOURCE.windows, y), n_classes=N_CLASSES)
    every = Consensus.of(SOURCE, n_classes=N_CLASSES)

    assert some is not None
    assert every is not None
    np.testing.assert_array_equal(some.eeg, every.eeg)


@pytest.mark.parametrize("n_people", [0, 1, 2])
def test_there_is_none_of_fewer_than_three_people(n_people: int) -> None:
    data = people(0, n_people=3)
    few = data.pick(np.flatnonzero(data.windows.subject < n_people))

    assert Consensus.of(few, n_classes=N_CLASSES) is None


def test_people_without_every_class_have_no_say() -> None:
    data = people(0, n_people=3)
    one_class = (data.windows.subject == 2) & (data.y == 1)

    assert Consensus.of(data.pick(np.flatnonzero(~one_class)), n_classes=N_CLASSES) is None


def test_features_without_variance_say_nothing() -> None:
    flat = replace(SOURCE.windows, x_eye=np.zeros_like(SOURCE.windows.x_eye))

    agreed = Consensus.of(LabelledWindows(flat, SOURCE.y), n_classes=N_CLASSES)

    assert agreed is not None
    assert np.isfinite(agreed.eeg).all()
    assert (agreed.eye == 0.0).all()


def test_the_discriminant_points_where_the_one_of_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    n, d = 4000, 5
    y = np.arange(n) % 3
    x = (
        rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
        + 2.0 * rng.standard_normal((3, d))[y]
    )
    who = np.zeros(n, np.int64)  # one person: no scatter between people

    ours = discriminant(x, y, who, 3)

    centred = x - x.mean(axis=0)
    within = np.cov((x - np.stack([x[y == c].mean(axis=0) for c in range(3)])[y]).T)
    ridge = SHRINKAGE * np.trace(within) / d
    theirs = LinearDiscriminantAnalysis(solver="lsqr", priors=[1 / 3] * 3).fit(centred, y).coef_
    weights = within @ theirs.T  # back to differences of means, then through our ridge
    expected = np.linalg.solve((1 - SHRINKAGE) * within + ridge * np.eye(d), weights)
    for a, b in zip(ours.T, (expected - expected.mean(axis=1, keepdims=True)).T, strict=True):
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.999
