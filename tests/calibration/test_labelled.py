import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.calibration.batches import Augmentation, BatchSource
from hadua.calibration.labelled import LabelledWindows, concatenate, sequences
from hadua.models.errors import InvalidInputError


def numbered(lengths: list[int], *, first: int = 0, d_eye: int = 1) -> LabelledWindows:
    """Windows whose features are their stretch (EEG) and their place in it (eye), from 1 on."""
    stretch = np.repeat(np.arange(len(lengths)), lengths) + first
    place = np.concatenate([np.arange(1, n + 1) for n in lengths])
    n = len(stretch)
    return LabelledWindows(
        (stretch[:, None] + 1).astype(np.float32),
        np.repeat(place[:, None], d_eye, axis=1).astype(np.float32),
        np.ones((n, 2), np.bool_),
        np.arange(n) % 2,
        np.zeros(n, np.int64),
        stretch,
    )


lengths = st.lists(st.integers(1, 12), min_size=1, max_size=8)


@given(lengths=lengths, context=st.integers(1, 10))
def test_a_sequence_never_crosses_the_border_of_a_stretch(lengths: list[int], context: int) -> None:
    data = numbered(lengths)
    depth = data.depth()

    for length in range(1, context + 1):
        rows = sequences(np.flatnonzero(depth >= length), length=length)

        assert rows.shape == (sum(max(0, n - length + 1) for n in lengths), length)
        assert (np.ptp(data.x_eeg[rows, 0], axis=1) == 0).all(), "one stretch"
        assert (np.diff(data.x_eye[rows, 0], axis=1) == 1).all(), "consecutive, oldest first"


@given(lengths=st.lists(st.integers(2, 12), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_training_batches_do_not_cross_it_either(lengths: list[int], seed: int) -> None:
    data = numbered(lengths)
    augmentation = Augmentation(modality=0.5, token=0.3, short=0.5, shift_sd=0.0)
    source = BatchSource(
        data, n_classes=2, context=6, augmentation=augmentation, rng=np.random.default_rng(seed)
    )

    for _ in range(5):
        batch = source.draw(8)

        assert np.bincount(batch.y).tolist() == [4, 4], "classes evenly"
        assert batch.present[:, -1].any(axis=1).all(), "the newest window keeps a modality"
        assert (batch.eeg[..., 0][~batch.present[..., 0]] == 0).all()
        for eeg, eye, there in zip(batch.eeg, batch.eye, batch.present, strict=True):
            assert len(set(eeg[there[:, 0], 0].tolist())) <= 1
            places = eye[:, 0] - np.arange(len(eye))
            assert len(set(places[there[:, 1]].tolist())) <= 1


@given(a=lengths, b=lengths)
def test_parts_put_together_keep_their_borders(a: list[int], b: list[int]) -> None:
    whole = concatenate([numbered(a, first=3), numbered(b)])

    assert whole.depth().tolist() == [k for n in [*a, *b] for k in range(1, n + 1)]


def test_what_is_not_labelled_is_never_a_target() -> None:
    data = numbered([4])
    y, present = np.array([0, -1, 1, 0]), data.present.copy()
    present[3] = False
    part = LabelledWindows(data.x_eeg, data.x_eye, present, y, data.subject, data.stretch)

    assert part.targets().tolist() == [0, 2]


def test_arrays_that_do_not_fit_are_refused() -> None:
    d = numbered([3, 2])
    rest = (d.present, d.y, d.subject)

    with pytest.raises(InvalidInputError, match="do not fit together"):
        LabelledWindows(d.x_eeg[1:], d.x_eye, *rest, d.stretch)
    with pytest.raises(InvalidInputError, match="not finite"):
        LabelledWindows(d.x_eeg * np.float32(np.nan), d.x_eye, *rest, d.stretch)
    with pytest.raises(InvalidInputError, match="do not stand together"):
        LabelledWindows(d.x_eeg, d.x_eye, *rest, np.array([0, 1, 0, 1, 1]))


def test_a_class_without_windows_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"\[3, 2, 0\] labelled windows per class"):
        BatchSource(
            numbered([5]),
            n_classes=3,
            context=2,
            augmentation=Augmentation(),
            rng=np.random.default_rng(0),
        )
