import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.windows import numbered

from hadua.calibration.windows import Windows, concatenate_windows
from hadua.models.errors import InvalidInputError

lengths = st.lists(st.integers(1, 12), min_size=1, max_size=8)


@given(lengths=lengths)
def test_depth_and_remaining_count_to_the_borders_of_a_stretch(lengths: list[int]) -> None:
    windows = numbered(lengths)

    assert windows.depth().tolist() == [k for n in lengths for k in range(1, n + 1)]
    assert windows.remaining().tolist() == [k for n in lengths for k in range(n, 0, -1)]


@given(a=lengths, b=lengths)
def test_parts_put_together_keep_their_borders(a: list[int], b: list[int]) -> None:
    whole = concatenate_windows([numbered(a, first=3), numbered(b)])

    assert whole.depth().tolist() == [k for n in [*a, *b] for k in range(1, n + 1)]


def test_no_windows_are_windows() -> None:
    nothing = numbered([3]).pick(np.zeros(0, np.int64))

    assert len(nothing) == len(nothing.depth()) == len(nothing.remaining()) == 0


def test_there_is_no_place_for_a_label() -> None:
    assert set(Windows.__slots__) == {
        "x_eeg",
        "x_eye",
        "present",
        "subject",
        "session",
        "stretch",
    }


def test_arrays_that_do_not_fit_are_refused() -> None:
    d = numbered([3, 2])
    rest = (d.present, d.subject, d.session)

    with pytest.raises(InvalidInputError, match="do not fit together"):
        Windows(d.x_eeg[1:], d.x_eye, *rest, d.stretch)
    with pytest.raises(InvalidInputError, match="not finite"):
        Windows(d.x_eeg * np.float32(np.nan), d.x_eye, *rest, d.stretch)
    with pytest.raises(InvalidInputError, match="do not stand together"):
        Windows(d.x_eeg, d.x_eye, *rest, np.array([0, 1, 0, 1, 1]))
