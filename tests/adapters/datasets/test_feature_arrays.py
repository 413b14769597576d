from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.adapters.datasets.feature_arrays import (
    channel_major,
    require_channel_major,
    require_labels,
    rows,
    same_length,
)
from hadua.adapters.datasets.feature_files import Place, Table
from hadua.adapters.datasets.seed_specs import PLAIN, eeg_spec
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import RecordingError

PLACE = Place(Path("/data/1.mat"), "de_LDS1")
BANDS = ("delta", "theta", "alpha", "beta", "gamma")


@given(
    axes=st.sampled_from(["".join(p) for p in permutations("wcb")]),
    n=st.integers(1, 70),
    channel=st.sampled_from(SEED_62),
    band=st.sampled_from(BANDS),
)
def test_a_named_column_is_that_channel_and_band_whatever_the_layout(
    axes: str, n: int, channel: str, band: str
) -> None:
    x = np.random.default_rng(n).standard_normal((n, 62, 5))  # w, c, b
    stored = x.transpose(["wcb".index(a) for a in axes])

    table = channel_major(Table(stored, PLACE), axes=axes)

    column = eeg_spec(PLAIN, window_s=1.0).names.index(f"{channel}:{band}")
    expected = x[:, SEED_62.index(channel), BANDS.index(band)]
    np.testing.assert_array_equal(table.values[:, column], expected)
    assert table.values.shape == (n, 310)


@pytest.mark.parametrize("shape", [(5, 62), (10, 62, 5), (5, 10, 62), (61, 10, 5), (62, 10, 4)])
def test_another_layout_is_refused_with_file_key_and_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(RecordingError) as caught:
        channel_major(Table(np.zeros(shape), PLACE), axes="cwb")

    for part in ("'/data/1.mat'", "'de_LDS1'", f"got shape {shape}", "(62, n, 5)", "transposed?"):
        assert part in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_value_that_is_not_finite_is_named(bad: float) -> None:
    x = np.zeros((62, 4, 5))
    x[7, 2, 3] = x[60, 3, 4] = bad

    with pytest.raises(
        RecordingError,
        match=r"key 'de_LDS1': 2 of 1240 values are not finite, shape \(62, 4, 5\): "
        rf"got {bad} at index \(7, 2, 3\)",
    ):
        channel_major(Table(x, PLACE), axes="cwb")


def test_no_window_is_refused() -> None:
    with pytest.raises(RecordingError, match=r"no window: got shape \(62, 0, 5\)"):
        channel_major(Table(np.zeros((62, 0, 5)), PLACE), axes="cwb")
    with pytest.raises(RecordingError, match=r"no window: got shape \(33, 0\)"):
        rows(Table(np.zeros((33, 0)), PLACE), n_features=33, transposed=True)


def test_rows_are_windows_whichever_way_they_are_stored() -> None:
    x = np.random.default_rng(0).standard_normal((4, 33))

    as_stored = rows(Table(x, PLACE), n_features=33).values
    turned = rows(Table(x.T, PLACE), n_features=33, transposed=True).values

    np.testing.assert_array_equal(as_stored, x)
    np.testing.assert_array_equal(turned, x)


@pytest.mark.parametrize(("shape", "turned"), [((33, 4), True), ((4, 31), False), ((33,), True)])
def test_rows_of_another_width_are_refused(shape: tuple[int, ...], turned: bool) -> None:
    with pytest.raises(RecordingError, match=r"wrong shape: .*\(n, 33\)") as caught:
        rows(Table(np.zeros(shape), PLACE), n_features=33)
    assert ("transposed" in str(caught.value)) == turned


def levels(*, band_major: bool) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """DE that falls from delta to gamma, channels apart by less."""
    rng = np.random.default_rng(1)
    x = np.linspace(25.0, 15.0, 5) + rng.standard_normal((20, 62, 5))
    return (x.transpose(0, 2, 1) if band_major else x).reshape(20, 310)


def test_a_band_major_table_is_noticed() -> None:
    with pytest.raises(RecordingError, match=r"'de_LDS1': columns of shape \(20, 310\) in another"):
        require_channel_major([Table(levels(band_major=True), PLACE)])


def test_a_channel_major_table_and_one_without_levels_pass() -> None:
    require_channel_major([Table(levels(band_major=False), PLACE)])
    require_channel_major([Table(np.random.default_rng(0).standard_normal((3, 310)), PLACE)])
    require_channel_major([Table(np.zeros((1, 310)), PLACE)])


@given(eeg=st.integers(1, 9), eye=st.integers(1, 9))
def test_modalities_that_differ_by_a_window_are_cut_and_by_more_refused(eeg: int, eye: int) -> None:
    a = Table(np.arange(eeg, dtype=np.float64)[:, None], Place(Path("eeg.mat"), "a"))
    b = Table(np.arange(eye, dtype=np.float64)[:, None], Place(Path("eye.mat"), "b"))

    if abs(eeg - eye) > 1:
        with pytest.raises(RecordingError, match=r"'eye\.mat', key 'b': .*'eeg\.mat, a'"):
            same_length(a, b)
    else:
        x, z = same_length(a, b)
        assert x[:, 0].tolist() == z[:, 0].tolist() == list(range(min(eeg, eye)))


def test_other_labels_are_refused_with_both_lists() -> None:
    with pytest.raises(RecordingError, match=r"got \[1, 0, 0\.5\], expected \[1, 0, -1\]"):
        require_labels([1.0, 0.0, 0.5], (1, 0, -1), PLACE)
    require_labels([1.0, 0.0, -1.0], (1, 0, -1), PLACE)
