"""Pieces: no window is lost, none is in two, and none is longer than a film clip."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.calibration.pieces import MOST_WINDOWS, Pieces
from hadua.calibration.windows import Windows


def windows(lengths: list[int], *, seed: int = 0) -> Windows:
    rng, n = np.random.default_rng(seed), sum(lengths)
    return Windows(
        rng.standard_normal((n, 3)).astype(np.float32),
        rng.standard_normal((n, 2)).astype(np.float32),
        rng.random((n, 2)) < 0.7,
        np.zeros(n, np.int64),
        np.ones(n, np.int64),
        np.repeat(np.arange(len(lengths)), lengths),
    )


@given(lengths=st.lists(st.integers(1, 65), max_size=6), seed=st.integers(0, 99))
@settings(max_examples=50)
def test_stretches_are_cut_into_as_few_pieces_of_nearly_equal_length_as_will_do(
    lengths: list[int], seed: int
) -> None:
    given_ = windows(lengths, seed=seed)

    pieces = Pieces.of(given_)

    sizes = np.bincount(pieces.of_window, minlength=len(pieces))
    assert sizes.sum() == sum(lengths)
    assert (np.diff(pieces.of_window) >= 0).all()
    for stretch, length in enumerate(lengths):
        own = sizes[np.unique(pieces.of_window[given_.stretch == stretch])]
        assert len(own) == -(-length // MOST_WINDOWS)
        assert own.sum() == length
        assert own.max() - own.min() <= 1
    np.testing.assert_array_equal(pieces.of_window[pieces.first], np.arange(len(pieces)))


def test_means_are_of_measured_windows_alone_and_zero_without_any() -> None:
    given_ = windows([5, 4])
    given_.present[5:, 1] = False

    pieces = Pieces.of(given_)

    there = given_.present[:5, 0]
    np.testing.assert_allclose(pieces.eeg[0], given_.x_eeg[:5][there].mean(axis=0), rtol=1e-6)
    assert (pieces.eye[1] == 0.0).all()
    np.testing.assert_allclose(pieces.mean(np.arange(9.0)[:, None])[:, 0], [2.0, 6.5])
