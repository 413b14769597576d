import numpy as np
import pytest
from support.windows import numbered

from hadua.calibration.labelled import LabelledWindows, concatenate
from hadua.calibration.windows import Windows
from hadua.models.errors import InvalidInputError


def test_what_is_not_labelled_or_not_measured_is_never_a_target() -> None:
    w = numbered([4])
    present = w.present.copy()
    present[3] = False
    part = Windows(w.x_eeg, w.x_eye, present, w.subject, w.session, w.stretch)

    assert LabelledWindows(part, np.array([0, -1, 1, 0])).targets().tolist() == [0, 2]


def test_labelled_windows_are_no_windows() -> None:
    assert not issubclass(LabelledWindows, Windows)


def test_labels_go_with_their_windows() -> None:
    a, b = (LabelledWindows(numbered([3, 2]), np.arange(5) + k) for k in (0, 5))

    whole = concatenate([a, b])

    assert whole.y.tolist() == list(range(10))
    assert whole.pick(np.array([7, 2])).y.tolist() == [7, 2]
    assert whole.windows.stretch.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]


def test_a_label_for_each_window() -> None:
    with pytest.raises(InvalidInputError, match=r"got 5 windows, y \(4,\)"):
        LabelledWindows(numbered([3, 2]), np.zeros(4, np.int64))
