import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.calibration.dataset import Dataset, normalise, statistics
from hadua.models.errors import InvalidInputError


def dataset(counts: list[int], *, seed: int = 0, missing: float = 0.1) -> Dataset:
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(len(counts)), counts)
    n = len(subject)
    eeg, eye = (
        (rng.normal(100.0 * subject[:, None] + 1000.0, 5.0, (n, d))).astype(np.float32)
        for d in (4, 2)
    )
    eeg[rng.random((n, 4)) < missing] = np.nan
    return Dataset(
        ("a", "b"),
        tuple(f"p{k}" for k in range(len(counts))),
        eeg,
        eye,
        rng.integers(0, 2, n),
        subject,
        np.ones(n, np.int64),
        subject,
        np.zeros(n, np.int64),
    )


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_statistics_are_those_of_people_who_all_count_the_same(
    counts: list[int], seed: int
) -> None:
    data = dataset(counts, seed=seed, missing=0.0)
    source = statistics(data)

    parts = [data.eeg[data.subject == k].astype(np.float64) for k in range(len(counts))]
    mean = np.mean([x.mean(axis=0) for x in parts], axis=0)
    variance = np.mean([((x - mean) ** 2).mean(axis=0) for x in parts], axis=0)
    np.testing.assert_allclose(source.mean[0], mean, rtol=1e-9)
    expected = np.where(np.sqrt(variance) > 1e-6 * np.abs(mean), np.sqrt(variance), 1.0)
    np.testing.assert_allclose(source.std[0], expected, rtol=1e-6)


def test_what_was_not_measured_counts_nowhere_and_becomes_the_mean() -> None:
    data = dataset([50, 50], missing=0.2)
    labelled = normalise(data, statistics(data))
    measured = np.isfinite(data.eeg)

    there = labelled.windows.present[:, 0]
    np.testing.assert_array_equal(there, measured.mean(axis=1) >= 0.75)
    assert (labelled.windows.x_eeg[~measured] == 0.0).all()
    assert (labelled.windows.x_eeg[~there] == 0.0).all()
    assert labelled.windows.present[:, 1].all()


def test_a_feature_never_measured_or_constant_is_harmless() -> None:
    data = dataset([30, 20], missing=0.0)
    eeg = data.eeg.copy()
    eeg[:, 1], eeg[:, 2] = np.nan, 7.0
    odd = Dataset(
        data.classes, data.people, eeg, data.eye, data.y, data.subject, data.session,
        data.stretch, data.stimulus,
    )  # fmt: skip

    source = statistics(odd)

    assert source.std[0][1] == source.std[0][2] == 1.0
    assert np.isfinite(normalise(odd, source).windows.x_eeg).all()


def test_a_label_without_a_class_is_refused() -> None:
    data = dataset([3])
    with pytest.raises(InvalidInputError, match="labels from 0 to 2, expected -1 to 1"):
        Dataset(
            data.classes, data.people, data.eeg, data.eye, np.array([0, 1, 2]), data.subject,
            data.session, data.stretch, data.stimulus,
        )  # fmt: skip
