import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.windows import numbered

from hadua.calibration.batches import Augmentation, CropSource
from hadua.calibration.labelled import UNLABELLED, LabelledWindows
from hadua.models.errors import InvalidInputError


@given(lengths=st.lists(st.integers(2, 12), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_a_crop_is_consecutive_windows_of_one_stretch(lengths: list[int], seed: int) -> None:
    windows = numbered(lengths)
    source = CropSource(
        LabelledWindows(windows, np.arange(len(windows)) % 2),
        n_classes=2,
        length=6,
        augmentation=Augmentation(modality=0.5, token=0.3, shift_sd=0.0),
        rng=np.random.default_rng(seed),
    )

    for _ in range(5):
        crops, y = source.draw(24)
        present = crops.present.numpy()

        assert len(crops) == 4
        assert (crops.eeg.numpy()[..., 0][~present[..., 0]] == 0).all()
        assert not present[~crops.valid].any()
        for rows, valid in zip(crops.rows, crops.valid, strict=True):
            assert np.ptp(windows.stretch[rows[valid]]) == 0
            assert (np.diff(rows[valid]) == 1).all()
        learnt = y != UNLABELLED
        assert (y[learnt] == crops.rows[learnt] % 2).all(), "the label of that very window"
        assert not learnt[~crops.valid].any()
        assert not learnt[~present.any(axis=2)].any()


def test_classes_are_drawn_evenly_however_rare() -> None:
    windows = numbered([1] * 100)
    y = np.r_[np.zeros(95, np.int64), np.full(5, 1)]
    source = CropSource(
        LabelledWindows(windows, y),
        n_classes=2,
        length=1,
        augmentation=Augmentation(0.0, 0.0, 0.0),
        rng=np.random.default_rng(0),
    )

    assert np.bincount(source.draw(50)[1].ravel()).tolist() == [25, 25]


def test_the_last_window_of_a_long_stretch_is_learnt_from_as_often_as_the_first() -> None:
    windows = numbered([40])
    source = CropSource(
        LabelledWindows(windows, np.arange(40) % 2),
        n_classes=2,
        length=8,
        augmentation=Augmentation(0.0, 0.0, 0.0),
        rng=np.random.default_rng(1),
    )
    drawn = [c.rows[c.valid] for c, _ in (source.draw(64) for _ in range(200))]
    counts = np.bincount(np.concatenate(drawn), minlength=40)

    assert counts.min() > 0.1 * counts.mean()


def test_a_class_without_windows_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\[3, 2, 0\] labelled windows per class"):
        CropSource(
            LabelledWindows(numbered([5]), np.arange(5) % 2),
            n_classes=3,
            length=2,
            augmentation=Augmentation(),
            rng=np.random.default_rng(0),
        )
