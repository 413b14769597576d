import numpy as np
from support.toy_people import people, start

from hadua.calibration.checking import PIECE, check_accuracy, choose_check_set
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.stretches import logits_of_windows


def test_pieces_are_whole_and_from_everybody_and_every_class() -> None:
    data = people(0, n_people=4, n_stretches=10)

    check = choose_check_set(data, windows=48)

    assert check is not None
    assert len(check) == 48
    assert np.bincount(check.y).tolist() == [24, 24]
    _, lengths = np.unique(check.stretch, return_counts=True)
    assert set(lengths.tolist()) == {6}  # whole stretches of the toy people
    of = [int(np.flatnonzero((data.windows.x_eeg == x).all(axis=1))[0]) for x in check.eeg]
    assert set(data.windows.subject[of].tolist()) == {0, 1, 2, 3}
    assert np.array_equal(data.y[of], check.y)


def test_long_stretches_are_cut_and_windows_without_a_label_left_out() -> None:
    data = people(0, n_people=1, n_stretches=30)
    windows = data.windows
    one = type(windows)(
        windows.x_eeg, windows.x_eye, windows.present, windows.subject, windows.session,
        np.zeros_like(windows.stretch),
    )  # fmt: skip
    y = data.y.copy()
    y[50:60] = -1

    check = choose_check_set(LabelledWindows(one, y), windows=10_000)

    assert check is not None
    assert len(check) == len(y) - 10
    assert np.bincount(check.stretch).max() <= PIECE
    assert choose_check_set(LabelledWindows(one, np.full_like(y, -1)), windows=10) is None


def test_its_accuracy_is_that_of_the_network() -> None:
    begin, data = start(), people(7, n_people=2, noise=1.0)
    check = choose_check_set(data, windows=10_000)
    assert check is not None
    order = np.argsort(
        [int(np.flatnonzero((data.windows.x_eeg == x).all(1))[0]) for x in check.eeg]
    )
    right = logits_of_windows(begin.network, data.windows).argmax(axis=1) == data.y
    assert np.array_equal(check.y[order], data.y)
    assert check_accuracy(begin.network, check) == right.mean()
