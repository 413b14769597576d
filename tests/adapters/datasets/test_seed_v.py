from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.feature_checks import assert_equal, assert_hashes, assert_in_order, trial_of
from support.feature_values import with_nan
from support.seed_v_files import (
    LABELS,
    eeg,
    eeg_trials,
    eye,
    eye_trials,
    labels_of,
    write_npz,
    write_seed_v,
)

from hadua.adapters.datasets.seed_v import CLASSES, read_seed_v
from hadua.models.errors import RecordingError
from hadua.models.features import Modality

EEG_FILE, EYE_FILE = "EEG_DE_features/1_123.npz", "Eye_movement_features/1_123.npz"


def test_every_value_arrives_under_its_name(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path, people=(2, 16), eye_of=(2, 16))

    data = read_seed_v(root, allow_pickle=True)

    assert data.people == ("2", "16")
    for person in (2, 16):
        for k in range(45):
            session, number = k // 15 + 1, k % 15 + 1
            trial = trial_of(data, str(person), session, number)
            x = eeg(person, k)
            np.testing.assert_array_equal(trial.values[Modality.EEG], x.reshape(-1, 310))
            np.testing.assert_array_equal(trial.values[Modality.EYE], eye(person, k))
            assert set(trial.y.tolist()) == {LABELS[k]}
            assert trial.stimulus == f"s{session}t{number}"
    assert_in_order(data)
    assert_hashes(data, tmp_path)
    assert data.specs[Modality.EEG].label == "seed-v-de/1"
    assert data.specs[Modality.EEG].names[4:6] == ("FP1:gamma", "FPZ:delta")
    assert len(data.specs[Modality.EYE].names) == 33


def test_the_known_labels_are_nine_of_each_class() -> None:
    assert Counter(LABELS) == dict.fromkeys(range(len(CLASSES)), 9)


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path)

    assert_equal(read_seed_v(root, allow_pickle=True), read_seed_v(root, allow_pickle=True))


def test_pickled_files_are_refused_without_permission(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path)

    with pytest.raises(RecordingError, match=rf"{EEG_FILE}': .*permission.*--allow-pickle"):
        read_seed_v(root)


def test_a_person_without_eye_features_has_none_measured(tmp_path: Path) -> None:
    data = read_seed_v(write_seed_v(tmp_path, eye_of=(2,)), allow_pickle=True)

    for trial in data.trials:
        assert np.isnan(trial.values[Modality.EYE]).all() == (trial.subject == 0)
    assert any("person 1, session 1, 2, 3" in line for line in data.provenance)


def test_a_missing_trial_is_named(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=())
    trials = eeg_trials(1)
    del trials[30]
    write_npz(root / EEG_FILE, trials, labels_of(trials))

    with pytest.raises(
        RecordingError, match=rf"{EEG_FILE}', key 'data\[30\]': a trial missing: got 44"
    ):
        read_seed_v(root, allow_pickle=True)


def test_a_trial_too_many_is_named(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=())
    trials = eeg_trials(1)
    labels = labels_of(trials)
    write_npz(root / EEG_FILE, trials | {45: trials[0]}, labels)

    with pytest.raises(RecordingError, match=r"key 'data\[45\]': a trial too many: got 46"):
        read_seed_v(root, allow_pickle=True)


@pytest.mark.parametrize("shape", [(310, 4), (4, 62, 5), (4, 309), (310,)])
def test_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=())
    trials = eeg_trials(1)
    labels = labels_of(trials)
    write_npz(root / EEG_FILE, trials | {3: np.zeros(shape)}, labels)

    with pytest.raises(RecordingError, match=r"key 'data\[3\]': wrong shape") as caught:
        read_seed_v(root, allow_pickle=True)
    assert f"got shape {shape}, expected (n, 310)" in str(caught.value)


def test_band_major_columns_are_refused(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=())
    trials = {k: eeg(1, k).transpose(0, 2, 1).reshape(-1, 310) for k in range(45)}
    write_npz(root / EEG_FILE, trials, labels_of(trials))

    with pytest.raises(RecordingError, match=rf"{EEG_FILE}', key 'data\[0\]': .*band-major"):
        read_seed_v(root, allow_pickle=True)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_value_that_is_not_finite_is_named(tmp_path: Path, bad: float) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=(1,))
    trials = eye_trials(1)
    broken = trials | {44: with_nan(trials[44], (0, 32), bad)}
    write_npz(root / EYE_FILE, broken, labels_of(trials))

    with pytest.raises(RecordingError, match=rf"{EYE_FILE}', key 'data\[44\]'.*{bad} at .*\(0, 32"):
        read_seed_v(root, allow_pickle=True)


@pytest.mark.parametrize("where", [EEG_FILE, EYE_FILE])
def test_another_label_is_refused_with_both(tmp_path: Path, where: str) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=(1,))
    trials = eeg_trials(1) if where == EEG_FILE else eye_trials(1)
    labels = labels_of(trials)
    labels[1] = labels[1] + 1.0
    write_npz(root / where, trials, labels)

    with pytest.raises(
        RecordingError, match=rf"{where}', key 'label\[1\]': .*\[2\.0\], .* times 1 \(fear\)"
    ):
        read_seed_v(root, allow_pickle=True)


def test_too_few_labels_are_refused(tmp_path: Path) -> None:
    root = write_seed_v(tmp_path, people=(1,), eye_of=())
    trials = eeg_trials(1)
    labels = labels_of(trials)
    labels[7] = labels[7][:-1]
    write_npz(root / EEG_FILE, trials, labels)

    with pytest.raises(RecordingError, match=r"key 'label\[7\]': not the label of this trial"):
        read_seed_v(root, allow_pickle=True)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "EEG_DE_features").mkdir()

    with pytest.raises(RecordingError, match=r"EEG_DE_features' holds nobody's features"):
        read_seed_v(tmp_path, allow_pickle=True)
