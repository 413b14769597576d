import pickle
from pathlib import Path

import numpy as np
import pytest
from support.feature_values import eye_movement

from hadua.adapters.datasets.seed_eye import CLIPS_S, read_eye
from hadua.models.errors import RecordingError

N_4S = [n // 4 for n in CLIPS_S]


def write(path: Path, **content: object) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def published(path: Path) -> Path:
    """A file as long as the published ones."""
    x = eye_movement(1, n=842, d=33)
    return write(path, train_data_eye=x[:499], test_data_eye=x[499:])


def test_the_published_clips_add_up_to_the_published_files() -> None:
    assert sum(CLIPS_S) == 3394
    assert (sum(N_4S[:9]), sum(N_4S[9:])) == (499, 343)


def test_a_published_file_is_cut_where_its_clips_end(tmp_path: Path) -> None:
    clips = read_eye(published(tmp_path / "1_1"), n_eeg=N_4S, eeg_s=4, allow_pickle=True)

    assert [len(clip.values) for clip in clips] == N_4S
    np.testing.assert_array_equal(
        np.concatenate([clip.values for clip in clips]), eye_movement(1, n=842, d=33)
    )
    assert clips[9].place.key == "test_data_eye[0:59]"


def test_eeg_windows_that_end_early_do_not_move_the_clips(tmp_path: Path) -> None:
    n_eeg = [n - (k % 2) for k, n in enumerate(N_4S)]

    clips = read_eye(published(tmp_path / "1_1"), n_eeg=n_eeg, eeg_s=4, allow_pickle=True)

    assert [len(clip.values) for clip in clips] == N_4S


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: np.array(x.tolist(), object)])
def test_nested_and_object_arrays_are_read(tmp_path: Path, wrap: object) -> None:
    assert callable(wrap)
    x = eye_movement(1, n=15, d=33)
    path = write(tmp_path / "1_1", train_data_eye=wrap(x[:9]), test_data_eye=wrap(x[9:]))

    clips = read_eye(path, n_eeg=[1] * 15, eeg_s=4, allow_pickle=True)

    np.testing.assert_array_equal(np.concatenate([clip.values for clip in clips]), x)


def test_another_number_of_windows_is_refused(tmp_path: Path) -> None:
    x = eye_movement(1, n=500, d=33)
    path = write(tmp_path / "1_1", train_data_eye=x, test_data_eye=x[:343])

    with pytest.raises(
        RecordingError, match=r"1_1', key 'train_data_eye': .*\(500, 33\), expected \(499, 33\)"
    ):
        read_eye(path, n_eeg=N_4S, eeg_s=4, allow_pickle=True)


def test_a_clip_of_another_length_is_refused(tmp_path: Path) -> None:
    n_eeg = [*CLIPS_S[:3], CLIPS_S[3] + 12, *CLIPS_S[4:]]

    with pytest.raises(RecordingError, match=r"key 'train_data_eye\[167:226\]': .*59 windows"):
        read_eye(published(tmp_path / "1_1"), n_eeg=n_eeg, eeg_s=1, allow_pickle=True)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "1_1", train_data_eye=eye_movement(1, n=499, d=33))

    with pytest.raises(RecordingError, match=r"1_1', key 'test_data_eye': missing: got 1 keys"):
        read_eye(path, n_eeg=N_4S, eeg_s=4, allow_pickle=True)


@pytest.mark.parametrize("shape", [(33, 499), (499, 31), (499,)])
def test_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write(tmp_path / "1_1", train_data_eye=np.zeros(shape), test_data_eye=np.zeros(shape))

    with pytest.raises(RecordingError, match=r"key 'train_data_eye': wrong shape: got shape"):
        read_eye(path, n_eeg=N_4S, eeg_s=4, allow_pickle=True)
