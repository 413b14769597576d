from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.channel_orders import write_workbook
from support.feature_checks import assert_equal, assert_hashes, assert_in_order, trial_of
from support.feature_values import change_mat, read_array, with_nan
from support.seed_iv_files import eeg, eye, write_seed_iv

from hadua.adapters.datasets.seed_iv import CLASSES, LABELS, read_seed_iv
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import RecordingError
from hadua.models.features import Modality

EEG_FILE = "eeg_feature_smooth/2/1_20161125.mat"
EYE_FILE = "eye_feature_smooth/2/1_20161125.mat"


def test_every_value_arrives_under_its_name(tmp_path: Path) -> None:
    data = read_seed_iv(write_seed_iv(tmp_path, people=(1, 2, 10), eye_of=(1, 2, 10)))

    assert data.people == ("1", "2", "10")
    for person in (1, 2, 10):
        for session in (1, 2, 3):
            for number in range(1, 25):
                trial = trial_of(data, str(person), session, number)
                x = eeg(person, session, number)
                np.testing.assert_array_equal(trial.values[Modality.EEG], x.reshape(-1, 310))
                expected = eye(person, session, number)
                np.testing.assert_array_equal(trial.values[Modality.EYE], expected)
                assert set(trial.y.tolist()) == {LABELS[session - 1][number - 1]}
                assert trial.stimulus == f"s{session}t{number}"
    assert_in_order(data)
    assert_hashes(data, tmp_path)


def test_the_specs_say_what_the_columns_are(tmp_path: Path) -> None:
    data = read_seed_iv(write_seed_iv(tmp_path, people=(1,), eye_of=(1,)))

    spec = data.specs[Modality.EEG]
    assert (spec.label, spec.window_s, spec.hop_s) == ("seed-de-lds/1", 4.0, 4.0)
    assert spec.names[:6] == (*(f"FP1:{b}" for b in ["delta", "theta", "alpha", "beta", "gamma"]),
                              "FPZ:delta")  # fmt: skip
    assert data.specs[Modality.EYE].names == tuple(f"seed-eye:{k:02d}" for k in range(1, 32))


def test_the_known_labels_are_six_of_each_class_in_every_session() -> None:
    for labels in LABELS:
        assert Counter(labels) == dict.fromkeys(range(len(CLASSES)), 6)


def test_the_moving_average_is_another_definition(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,), eye_of=())

    data = read_seed_iv(root, smoothing="movingAve")

    assert data.specs[Modality.EEG].label == "seed-de-movingave/1"
    values = trial_of(data, "1", 3, 24).values[Modality.EEG]
    np.testing.assert_array_equal(values, eeg(1, 3, 24).reshape(-1, 310) + 1.0)


def test_reading_twice_gives_the_same_and_reports_every_file(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path)
    write_workbook(root / "Channel Order.xlsx", SEED_62)
    reports: list[tuple[int, int]] = []

    first = read_seed_iv(root, on_file=lambda done, total: reports.append((done, total)))

    assert_equal(first, read_seed_iv(root))
    assert_hashes(first, root)
    assert reports == [(k, 13) for k in range(1, 14)]
    assert "channel order: as in 'Channel Order.xlsx'" in first.provenance


def test_without_the_eye_folder_there_is_only_eeg(tmp_path: Path) -> None:
    data = read_seed_iv(write_seed_iv(tmp_path, people=(1,), eye_of=()))

    assert list(data.specs) == [Modality.EEG]
    assert any("EEG only" in line for line in data.provenance)


def test_a_person_without_eye_features_has_none_measured(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, eye_of=(1,))
    (root / EYE_FILE).unlink()

    data = read_seed_iv(root)

    for trial in data.trials:
        missing = trial.subject == 1 or trial.session == 2
        assert np.isnan(trial.values[Modality.EYE]).all() == missing
    assert any("person 1, session 2; person 2, session 1, 2, 3" in p for p in data.provenance)


@pytest.mark.parametrize("longer", ["eeg", "eye"])
def test_one_window_more_is_cut_and_said(tmp_path: Path, longer: str) -> None:
    root = write_seed_iv(tmp_path, people=(1,), eye_of=(1,))
    if longer == "eeg":
        x = read_array(root / EEG_FILE, "de_LDS3")
        change_mat(root / EEG_FILE, {"de_LDS3": np.concatenate([x, x[:, -1:] + 9.0], axis=1)})
    else:
        z = read_array(root / EYE_FILE, "eye_3")
        change_mat(root / EYE_FILE, {"eye_3": np.concatenate([z, z[:, -1:] + 9.0], axis=1)})

    data = read_seed_iv(root)

    trial = trial_of(data, "1", 2, 3)
    np.testing.assert_array_equal(trial.values[Modality.EEG], eeg(1, 2, 3).reshape(-1, 310))
    np.testing.assert_array_equal(trial.values[Modality.EYE], eye(1, 2, 3))
    assert any(line.startswith("1 of 72 trials had one window more") for line in data.provenance)


def test_two_windows_more_are_refused(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,), eye_of=(1,))
    n = len(eye(1, 2, 3)) + 2
    change_mat(root / EYE_FILE, {"eye_3": np.zeros((31, n))})

    with pytest.raises(RecordingError, match=rf"{EYE_FILE}', key 'eye_3': .*got shape \({n}, 31\)"):
        read_seed_iv(root)


def test_a_missing_trial_is_named(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,))
    change_mat(root / EEG_FILE, {"de_LDS7": None})

    with pytest.raises(RecordingError, match=rf"{EEG_FILE}', key 'de_LDS7': .*missing"):
        read_seed_iv(root)


def test_a_missing_eye_trial_is_named(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,), eye_of=(1,))
    change_mat(root / EYE_FILE, {"eye_24": None})

    with pytest.raises(RecordingError, match=rf"{EYE_FILE}', key 'eye_24': .*missing"):
        read_seed_iv(root)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_swapped_axes_are_refused(tmp_path: Path, order: tuple[int, int, int]) -> None:
    root = write_seed_iv(tmp_path, people=(1,))
    x = read_array(root / EEG_FILE, "de_LDS7").transpose(order)
    change_mat(root / EEG_FILE, {"de_LDS7": x})

    with pytest.raises(RecordingError, match=rf"{EEG_FILE}', key 'de_LDS7': wrong shape") as caught:
        read_seed_iv(root)
    assert f"got shape {x.shape}, expected (62, n, 5)" in str(caught.value)


def test_a_swapped_channel_order_is_refused(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,))
    write_workbook(root / "Channel Order.xlsx", SEED_62[::-1])

    with pytest.raises(RecordingError, match=r"Channel Order\.xlsx': channel 1 is another"):
        read_seed_iv(root)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named(tmp_path: Path, bad: float) -> None:
    root = write_seed_iv(tmp_path, people=(1,), eye_of=(1,))
    x = read_array(root / EEG_FILE, "de_LDS7")
    change_mat(root / EEG_FILE, {"de_LDS7": with_nan(x, (5, 0, 1), bad)})

    with pytest.raises(RecordingError, match=rf"'de_LDS7': 1 of .*got {bad} at index \(5, 0, 1\)"):
        read_seed_iv(root)

    change_mat(root / EEG_FILE, {"de_LDS7": x})
    z = read_array(root / EYE_FILE, "eye_7")
    change_mat(root / EYE_FILE, {"eye_7": with_nan(z, (30, 0), bad)})
    with pytest.raises(RecordingError, match=rf"'eye_7': 1 of .*got {bad} at index \(30, 0\)"):
        read_seed_iv(root)


def test_a_missing_session_is_named(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path)
    (root / EEG_FILE).unlink()

    with pytest.raises(RecordingError, match=r"session of person 1 is missing: got sessions 1, 3"):
        read_seed_iv(root)


def test_two_files_of_one_person_and_session_are_refused(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,))
    (root / "eeg_feature_smooth/2/1_20200101.mat").write_bytes((root / EEG_FILE).read_bytes())

    with pytest.raises(RecordingError, match=r"more than one file of person 1: got '1_20161125"):
        read_seed_iv(root)


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"got an empty folder, .*'eeg_feature_smooth'"):
        read_seed_iv(tmp_path)
    with pytest.raises(RecordingError, match=r"got no such folder"):
        read_seed_iv(tmp_path / "nowhere")
    (tmp_path / "eeg_feature_smooth" / "1").mkdir(parents=True)
    with pytest.raises(RecordingError, match=r"eeg_feature_smooth' holds nobody's features"):
        read_seed_iv(tmp_path)


def test_stray_files_are_left_alone(tmp_path: Path) -> None:
    root = write_seed_iv(tmp_path, people=(1,))
    for name in ("._1_20161125.mat", "Thumbs.db", "1_20161125.mat.part"):
        (root / "eeg_feature_smooth" / "2" / name).write_bytes(b"stray")

    assert read_seed_iv(root).people == ("1",)
