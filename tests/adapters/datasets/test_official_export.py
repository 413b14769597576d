from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.feature_checks import assert_equal, assert_hashes, assert_in_order
from support.official_files import RUNS, features, labels, write_array, write_official

from hadua.adapters.datasets.official_export import read_official
from hadua.models.errors import RecordingError
from hadua.models.features import Modality

WIDTHS = [(310, 33), (7, 5), (310, None), (None, 33), (1, 1)]


@pytest.mark.parametrize("widths", WIDTHS)
def test_one_or_two_modalities_of_any_width(
    tmp_path: Path, widths: tuple[int | None, int | None]
) -> None:
    data = read_official(write_official(tmp_path, widths=widths))

    assert data.people == ("1", "2", "10")
    expected = {m: d for m, d in zip(Modality, widths, strict=True) if d is not None}
    assert {m: len(spec.names) for m, spec in data.specs.items()} == expected
    for subject, person in enumerate((1, 2, 10)):
        trials = [t for t in data.trials if t.subject == subject]
        for modality, d in expected.items():
            joined = np.concatenate([t.values[modality] for t in trials])
            np.testing.assert_array_equal(joined, features(person, len(labels()), d))
    assert_in_order(data)
    assert_hashes(data, tmp_path)


def test_columns_keep_generic_names_even_at_a_familiar_width(tmp_path: Path) -> None:
    data = read_official(write_official(tmp_path, widths=(310, 33)))

    eeg, eye = data.specs[Modality.EEG], data.specs[Modality.EYE]
    assert (eeg.label, eeg.names[0], eeg.names[-1]) == ("official-eeg/1", "eeg:001", "eeg:310")
    assert (eye.label, eye.names[0], eye.names[-1]) == ("official-eye/1", "eye:001", "eye:033")
    assert eeg.window_s == 4.0
    assert read_official(tmp_path, window_s=1.0).specs[Modality.EYE].hop_s == 1.0


def as_index(y: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
    return y


def as_column(y: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
    return y.astype(np.float64)[:, None]


def one_hot(y: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
    return np.eye(3)[y]


Form = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.generic]]


@pytest.mark.parametrize("form", [as_index, as_column, one_hot])
def test_a_run_of_equal_labels_is_a_trial_whatever_their_form(tmp_path: Path, form: Form) -> None:
    root = write_official(tmp_path)
    for person in (1, 2, 10):
        write_array(root, "Label", person, form(labels()))

    data = read_official(root)

    own = [t for t in data.trials if t.subject == 1]
    assert [(int(t.y[0]), len(t)) for t in own] == list(RUNS)
    assert [t.stimulus for t in own] == ["t1", "t2", "t3", "t4"]
    assert data.classes == ("class 0", "class 1", "class 2")
    assert any("run of equal labels" in line for line in data.provenance)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(y=st.lists(st.integers(0, 2), min_size=1, max_size=30))
def test_trials_put_together_are_the_labels(
    tmp_path_factory: pytest.TempPathFactory, y: list[int]
) -> None:
    root = tmp_path_factory.mktemp("export")
    write_array(root, "Label", 1, np.array(y))
    write_array(root, "EEG", 1, features(1, len(y), 3))

    data = read_official(root, classes=("a", "b", "c"))

    assert np.concatenate([t.y for t in data.trials]).tolist() == y
    assert all(len(set(t.y.tolist())) == 1 for t in data.trials)
    assert len(data.trials) == 1 + sum(a != b for a, b in pairwise(y))


def test_stimuli_are_nobodys_but_ones_own_where_the_labels_differ(tmp_path: Path) -> None:
    root = write_official(tmp_path, people=(1, 2))
    write_array(root, "Label", 2, labels(RUNS[::-1]))

    data = read_official(root)

    assert len({t.stimulus for t in data.trials}) == len(data.trials)
    assert any("stimuli: unknown" in line for line in data.provenance)


def test_class_names_may_be_given(tmp_path: Path) -> None:
    root = write_official(tmp_path)

    assert read_official(root, classes=("a", "b", "c", "d")).classes == ("a", "b", "c", "d")
    with pytest.raises(RecordingError, match=r"Label': labels outside .*got 3 .*expected 2: a, b"):
        read_official(root, classes=("a", "b"))


def test_labels_from_one_are_refused(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    for person in (1, 2, 10):
        write_array(root, "Label", person, labels() + 1)

    with pytest.raises(RecordingError, match=r"without a window: got labels 1, 2, 3, .*also 0"):
        read_official(root)


@pytest.mark.parametrize("bad", [-1.0, 0.5, np.nan, np.inf])
def test_a_label_that_is_no_index_is_refused(tmp_path: Path, bad: float) -> None:
    root = write_official(tmp_path)
    y = labels().astype(np.float64)
    y[4] = bad
    write_array(root, "Label", 2, y)

    with pytest.raises(RecordingError, match=rf"Label/2\.npy': .*got {bad} at index 4"):
        read_official(root)


def test_rows_that_are_not_one_hot_are_refused(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    write_array(root, "Label", 2, np.full((10, 3), 1.0 / 3.0))

    with pytest.raises(RecordingError, match=r"Label/2\.npy': labels that are neither"):
        read_official(root)


def test_labels_of_two_kinds_are_refused(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    write_array(root, "Label", 2, one_hot(labels()))

    with pytest.raises(RecordingError, match=r"labels of different kinds"):
        read_official(root)


@pytest.mark.parametrize("shape", [(7, 10), (10, 6), (9, 7), (10,), (10, 7, 1)])
def test_another_shape_is_refused_with_file_and_shape(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    root = write_official(tmp_path)
    write_array(root, "EEG", 2, np.zeros(shape))

    with pytest.raises(RecordingError, match=r"EEG/2\.npy': wrong shape") as caught:
        read_official(root)
    assert f"got shape {shape}, expected (10, 7)" in str(caught.value)
    assert ("transposed" in str(caught.value)) == (shape == (7, 10))


@pytest.mark.parametrize("folder", ["EEG", "EYE"])
def test_a_value_that_is_not_finite_is_named(tmp_path: Path, folder: str) -> None:
    root = write_official(tmp_path)
    x = features(2, 10, 7 if folder == "EEG" else 5)
    x[6, 1] = np.nan
    write_array(root, folder, 2, x)

    with pytest.raises(RecordingError, match=rf"{folder}/2\.npy': .*got nan at index \(6, 1\)"):
        read_official(root)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    (root / "EYE" / "10.npy").unlink()

    with pytest.raises(RecordingError, match=r"EYE/10\.npy': cannot be read: got No such file"):
        read_official(root)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    np.save(root / "EEG" / "2.npy", np.array([{"a": 1}], object))

    with pytest.raises(RecordingError, match=r"EEG/2\.npy': not an array of numbers in npy"):
        read_official(root)


@pytest.mark.parametrize("raw", [b"", b"text", b"\x93NUMPY\x01\x00"])
def test_what_is_no_array_is_refused(tmp_path: Path, raw: bytes) -> None:
    root = write_official(tmp_path)
    (root / "Label" / "2.npy").write_bytes(raw)

    with pytest.raises(RecordingError, match=r"Label/2\.npy': not an array of numbers in npy"):
        read_official(root)


def test_text_is_refused(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    write_array(root, "Label", 2, np.array(["happy"] * 10))

    with pytest.raises(RecordingError, match=r"Label/2\.npy': not an array of numbers: got <U5"):
        read_official(root)


def test_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"got an empty folder, expected a folder 'Label'"):
        read_official(tmp_path)
    (tmp_path / "Label").mkdir()
    with pytest.raises(RecordingError, match=r"Label' holds nobody's features"):
        read_official(tmp_path)
    write_array(tmp_path, "Label", 1, labels())
    with pytest.raises(RecordingError, match=r"got 'Label', expected a folder 'EEG' or 'EYE'"):
        read_official(tmp_path)


def test_reading_twice_gives_the_same_and_reports_every_file(tmp_path: Path) -> None:
    root = write_official(tmp_path)
    reports: list[tuple[int, int]] = []

    first = read_official(root, on_file=lambda done, total: reports.append((done, total)))

    assert_equal(first, read_official(root))
    assert reports == [(k, 9) for k in range(1, 10)]
