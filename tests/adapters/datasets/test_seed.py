from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.channel_orders import write_locs, write_workbook
from support.feature_checks import assert_equal, assert_hashes, assert_in_order, trial_of
from support.feature_values import change_mat, read_array, with_nan
from support.seed_files import LABELS, clip_windows, eeg, eye, write_seed

from hadua.adapters.datasets.seed import CLASSES, read_seed
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import RecordingError
from hadua.models.features import Modality

FILE = "ExtractedFeatures/1_20131030.mat"


def test_every_eeg_value_arrives_under_its_name(tmp_path: Path) -> None:
    data = read_seed(write_seed(tmp_path, people=(1, 2, 10), eye_of=()))

    assert data.people == ("1", "2", "10")
    for person in (1, 2, 10):
        for session in (1, 2, 3):
            for number in range(1, 16):
                trial = trial_of(data, str(person), session, number)
                x = eeg(person, session, number)
                np.testing.assert_array_equal(trial.values[Modality.EEG], x.reshape(-1, 310))
                assert set(trial.y.tolist()) == {LABELS[number - 1] + 1}
                assert trial.stimulus == f"t{number}", "the same clips in every session"
    assert_in_order(data)
    assert_hashes(data, tmp_path)
    assert list(data.specs) == [Modality.EEG]
    assert data.specs[Modality.EEG].label == "seed-de-lds/1"
    assert data.specs[Modality.EEG].window_s == 1.0


def test_the_classes_are_negative_neutral_positive(tmp_path: Path) -> None:
    data = read_seed(write_seed(tmp_path, people=(1,), eye_of=()))

    words = [CLASSES[int(t.y[0])] for t in data.trials if t.session == 1]
    assert words[:4] == ["positive", "neutral", "negative", "negative"]
    assert Counter(words) == dict.fromkeys(CLASSES, 5)


def test_the_moving_average_is_another_definition(tmp_path: Path) -> None:
    data = read_seed(write_seed(tmp_path, people=(1,), eye_of=()), smoothing="movingAve")

    assert data.specs[Modality.EEG].label == "seed-de-movingave/1"
    values = trial_of(data, "1", 1, 2).values[Modality.EEG]
    np.testing.assert_array_equal(values, eeg(1, 1, 2).reshape(-1, 310) + 1.0)


def test_each_eye_window_stands_for_the_eeg_windows_it_covers(tmp_path: Path) -> None:
    data = read_seed(write_seed(tmp_path, people=(1, 2), eye_of=(1,)), allow_pickle=True)

    spec = data.specs[Modality.EYE]
    assert (spec.window_s, spec.hop_s, len(spec.names)) == (4.0, 1.0, 33)
    for session in (1, 2, 3):
        for number in range(1, 16):
            rows = trial_of(data, "1", session, number).values[Modality.EYE]
            expected = eye(1, session, number)
            for k in range(clip_windows(number)):
                if k // 4 < len(expected):
                    np.testing.assert_array_equal(rows[k], expected[k // 4])
                else:
                    assert np.isnan(rows[k]).all()
    assert all(
        np.isnan(trial.values[Modality.EYE]).all() for trial in data.trials if trial.subject == 1
    )
    assert any("person 2, session 1, 2, 3" in line for line in data.provenance)
    assert any("stands for the four EEG windows" in line for line in data.provenance)
    assert_hashes(data, tmp_path)


def test_eeg_of_4_s_is_taken_where_there_are_eye_features(tmp_path: Path) -> None:
    write_seed(tmp_path, people=(1,), eye_of=())
    write_seed(tmp_path, people=(1,), folder="ExtractedFeatures_4s", window_s=4)

    data = read_seed(tmp_path, allow_pickle=True)

    assert data.specs[Modality.EEG].window_s == data.specs[Modality.EYE].hop_s == 4.0
    for number in range(1, 16):
        trial = trial_of(data, "1", 2, number)
        np.testing.assert_array_equal(trial.values[Modality.EYE], eye(1, 2, number))
        x = eeg(1, 2, number, n=clip_windows(number) // 4)
        np.testing.assert_array_equal(trial.values[Modality.EEG], x.reshape(-1, 310))


def test_folders_may_stand_as_newer_copies_have_them(tmp_path: Path) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=(1,), folder="SEED_EEG/ExtractedFeatures_1s")
    write_workbook(root / "SEED_EEG/channel-order.xlsx", SEED_62)
    write_locs(root / "channel_62_pos.locs", SEED_62)
    nested = root / "SEED_Multimodal/Chinese/04-Eye-tracking-feature"
    nested.mkdir(parents=True)
    (root / "eye_tracking_feature").rename(nested / "eye_tracking_feature")

    data = read_seed(root, allow_pickle=True)

    assert Modality.EYE in data.specs
    assert "channel order: as in 'channel-order.xlsx', 'channel_62_pos.locs'" in data.provenance
    assert_hashes(data, root)
    features = read_seed(root / "SEED_EEG/ExtractedFeatures_1s")
    assert list(features.specs) == [Modality.EEG]


def test_reading_twice_gives_the_same_and_reports_every_file(tmp_path: Path) -> None:
    root = write_seed(tmp_path)
    reports: list[tuple[int, int]] = []

    first = read_seed(
        root, allow_pickle=True, on_file=lambda done, total: reports.append((done, total))
    )

    assert_equal(first, read_seed(root, allow_pickle=True))
    assert reports == [(k, 10) for k in range(1, 11)]


def test_without_label_mat_the_known_list_is_used_and_said(tmp_path: Path) -> None:
    with_file = read_seed(write_seed(tmp_path / "a", people=(1,), eye_of=()))
    without = read_seed(write_seed(tmp_path / "b", people=(1,), eye_of=(), labels=None))

    for a, b in zip(with_file.trials, without.trials, strict=True):
        assert a.y.tolist() == b.y.tolist()
    assert "labels: from 'label.mat', equal to the data set's known list" in with_file.provenance
    assert "labels: the data set's known list, there is no 'label.mat'" in without.provenance


@pytest.mark.parametrize("labels", [LABELS[::-1], LABELS[:14], tuple(x + 1 for x in LABELS)])
def test_other_labels_are_refused_with_both_lists(tmp_path: Path, labels: tuple[int, ...]) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=(), labels=labels)

    with pytest.raises(RecordingError, match=r"label\.mat', key 'label'") as caught:
        read_seed(root)
    assert f"got {list(labels)}, expected {list(LABELS)}" in str(caught.value)


def test_pickled_eye_features_are_refused_without_permission(tmp_path: Path) -> None:
    root = write_seed(tmp_path)

    with pytest.raises(RecordingError, match=r"eye_tracking_feature/1_1': .*--allow-pickle"):
        read_seed(root)


def test_files_of_another_data_set_are_refused(tmp_path: Path) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=())
    x = read_array(root / FILE, "de_LDS1")
    change_mat(root / FILE, {f"de_LDS{k}": x for k in range(16, 25)})

    with pytest.raises(RecordingError, match=rf"{FILE}', key 'de_LDS16': .*got 24, expected 15"):
        read_seed(root)


def test_a_missing_trial_is_named(tmp_path: Path) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=())
    change_mat(root / FILE, {"de_LDS15": None})

    with pytest.raises(RecordingError, match=rf"{FILE}', key 'de_LDS15': .*missing"):
        read_seed(root)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_swapped_axes_are_refused(tmp_path: Path, order: tuple[int, int, int]) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=())
    x = read_array(root / FILE, "de_LDS2").transpose(order)
    change_mat(root / FILE, {"de_LDS2": x})

    with pytest.raises(RecordingError, match=rf"{FILE}', key 'de_LDS2': wrong shape") as caught:
        read_seed(root)
    assert f"got shape {x.shape}, expected (62, n, 5)" in str(caught.value)
    assert "transposed?" in str(caught.value)


def test_a_value_that_is_not_finite_is_named(tmp_path: Path) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=())
    x = read_array(root / FILE, "de_LDS2")
    change_mat(root / FILE, {"de_LDS2": with_nan(x, (61, 1, 4), np.inf)})

    with pytest.raises(RecordingError, match=rf"{FILE}', key 'de_LDS2'.*inf at index \(61, 1, 4\)"):
        read_seed(root)


@pytest.mark.parametrize("name", ["1_20131027.mat", "1_20131107.mat"])
def test_a_missing_session_is_named(tmp_path: Path, name: str) -> None:
    root = write_seed(tmp_path, people=(1,), eye_of=())
    (root / "ExtractedFeatures" / name).unlink()

    with pytest.raises(RecordingError, match=r"sessions of person 1: got '1_.*expected 3 files"):
        read_seed(root)


def test_a_folder_without_features_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Preprocessed_EEG").mkdir()

    with pytest.raises(RecordingError, match=r"got 'Preprocessed_EEG', expected a folder 'Extract"):
        read_seed(tmp_path)
    (tmp_path / "ExtractedFeatures").mkdir()
    with pytest.raises(RecordingError, match=r"ExtractedFeatures' holds nobody's features"):
        read_seed(tmp_path)
