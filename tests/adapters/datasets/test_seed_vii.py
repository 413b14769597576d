from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from support.feature_checks import assert_equal, assert_hashes, assert_in_order, trial_of
from support.feature_values import change_mat, read_array, with_nan
from support.seed_vii_files import eeg, eye, write_seed_vii

from hadua.adapters.datasets.seed_vii import CLASSES, LABELS, read_seed_vii
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.seed_entropy import seed_feature_spec
from hadua.models.errors import RecordingError
from hadua.models.features import Modality

EEG_FILE, EYE_FILE = "EEG_features/1.mat", "EYE_features/1.mat"


def test_every_value_arrives_under_its_name(tmp_path: Path) -> None:
    data = read_seed_vii(write_seed_vii(tmp_path, people=(2, 10), eye_of=(2, 10)))

    assert data.people == ("2", "10")
    for person in (2, 10):
        for k in range(1, 81):
            session, number = (k - 1) // 20 + 1, (k - 1) % 20 + 1
            trial = trial_of(data, str(person), session, number)
            x = eeg(person, k)
            np.testing.assert_array_equal(trial.values[Modality.EEG], x.reshape(-1, 310))
            np.testing.assert_array_equal(trial.values[Modality.EYE], eye(person, k))
            assert trial.stimulus == f"s{session}t{number}"
            assert trial.where == f"{person}.mat, de_LDS_{k}"
    assert_in_order(data)
    assert_hashes(data, tmp_path)
    assert data.specs[Modality.EEG].label == "seed-de-lds/1"
    assert len(data.specs[Modality.EYE].names) == 33


def test_the_labels_are_the_sessions_lists_twice(tmp_path: Path) -> None:
    data = read_seed_vii(write_seed_vii(tmp_path, people=(1,), eye_of=()))

    words = [[CLASSES[int(t.y[0])] for t in data.trials if t.session == s] for s in (1, 2, 3, 4)]
    there = ["happy", "neutral", "disgust", "sad", "anger"]
    assert words[0] == [*there, *there[::-1]] * 2
    assert words[1][:5] == ["anger", "sad", "fear", "neutral", "surprise"]
    assert words[2][-2:] == ["surprise", "happy"]
    assert words[3][10] == "disgust"
    assert Counter(chain(*words)) == dict.fromkeys(CLASSES, 12) | {"neutral": 8}
    assert all(labels[:10] == labels[10:] for labels in LABELS)


def test_features_without_smoothing_are_those_that_can_be_had_live(tmp_path: Path) -> None:
    root = write_seed_vii(tmp_path, people=(1,), eye_of=())

    data = read_seed_vii(root, smoothing="none")

    assert data.specs[Modality.EEG].label == "seed-de/1"
    values = trial_of(data, "1", 4, 20).values[Modality.EEG]
    np.testing.assert_array_equal(values, eeg(1, 80).reshape(-1, 310) + 1.0)


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    root = write_seed_vii(tmp_path)

    assert_equal(read_seed_vii(root), read_seed_vii(root))


def test_a_person_without_eye_features_has_none_measured(tmp_path: Path) -> None:
    data = read_seed_vii(write_seed_vii(tmp_path, eye_of=(2,)))

    for trial in data.trials:
        assert np.isnan(trial.values[Modality.EYE]).all() == (trial.subject == 0)
    assert any("person 1, session 1, 2, 3, 4" in line for line in data.provenance)


def test_a_missing_trial_is_named(tmp_path: Path) -> None:
    root = write_seed_vii(tmp_path, people=(1,), eye_of=(1,))
    change_mat(root / EYE_FILE, {"33": None})

    with pytest.raises(RecordingError, match=rf"{EYE_FILE}', key '33': .*got 79 keys"):
        read_seed_vii(root)

    change_mat(root / EEG_FILE, {"de_LDS_80": None})
    with pytest.raises(RecordingError, match=rf"{EEG_FILE}', key 'de_LDS_80'"):
        read_seed_vii(root)


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1)])
def test_swapped_axes_are_refused(tmp_path: Path, order: tuple[int, int, int]) -> None:
    root = write_seed_vii(tmp_path, people=(1,), eye_of=())
    x = read_array(root / EEG_FILE, "de_LDS_5").transpose(order)
    change_mat(root / EEG_FILE, {"de_LDS_5": x})

    with pytest.raises(RecordingError, match=r"'de_LDS_5': wrong shape") as caught:
        read_seed_vii(root)
    assert f"got shape {x.shape}, expected (n, 5, 62)" in str(caught.value)


def test_a_turned_eye_table_is_refused(tmp_path: Path) -> None:
    root = write_seed_vii(tmp_path, people=(1,), eye_of=(1,))
    z = read_array(root / EYE_FILE, "5").T
    change_mat(root / EYE_FILE, {"5": z})

    with pytest.raises(RecordingError, match=rf"key '5': .*\(33, {z.shape[1]}\).*transposed"):
        read_seed_vii(root)


def test_a_value_that_is_not_finite_is_named(tmp_path: Path) -> None:
    root = write_seed_vii(tmp_path, people=(1,), eye_of=())
    x = read_array(root / EEG_FILE, "de_LDS_5")
    change_mat(root / EEG_FILE, {"de_LDS_5": with_nan(x, (0, 4, 61))})

    with pytest.raises(RecordingError, match=r"'de_LDS_5': .*got nan at index \(0, 4, 61\)"):
        read_seed_vii(root)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "EEG_features").mkdir()

    with pytest.raises(RecordingError, match=r"EEG_features' holds nobody's .*an empty folder"):
        read_seed_vii(tmp_path)


def test_the_spec_without_smoothing_is_that_of_the_live_extractor(tmp_path: Path) -> None:
    data = read_seed_vii(write_seed_vii(tmp_path, people=(1,), eye_of=()), smoothing="none")

    live = seed_feature_spec(SEED_62, window_s=4.0, hop_s=4.0)
    live.require(data.specs[Modality.EEG], where="test")
