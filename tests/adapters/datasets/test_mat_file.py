from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from hadua.adapters.datasets.mat_file import read_mat, read_numbered
from hadua.models.errors import RecordingError


def trials(n: int) -> dict[str, npt.NDArray[np.float64]]:
    return {f"de_{k}": np.full((2, 3), float(k)) for k in range(1, n + 1)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8])
@pytest.mark.parametrize("compressed", [True, False])
def test_numbers_come_back_as_float64(
    tmp_path: Path, dtype: npt.DTypeLike, compressed: bool
) -> None:
    x = np.arange(24).reshape(2, 3, 4).astype(dtype)
    savemat(tmp_path / "a.mat", {"x": x, "other": np.zeros(3)}, do_compression=compressed)

    content = read_mat(tmp_path / "a.mat", ["x"])

    assert list(content) == ["x"]
    assert content["x"].dtype == np.float64
    np.testing.assert_array_equal(content["x"], x)


def test_trials_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", dict(reversed(trials(12).items())))

    tables = read_numbered(tmp_path / "a.mat", "de_", count=12)

    assert [int(t.values[0, 0]) for t in tables] == list(range(1, 13))
    assert [t.place.key for t in tables] == [f"de_{k}" for k in range(1, 13)]


def test_a_longer_prefix_is_another_array(tmp_path: Path) -> None:
    content = trials(2) | {"de_LDS_1": np.zeros((9, 9)), "de_LDS_2": np.zeros((9, 9))}
    savemat(tmp_path / "a.mat", content)

    assert [t.values.shape for t in read_numbered(tmp_path / "a.mat", "de_", count=2)] == [
        (2, 3)
    ] * 2


def test_a_missing_trial_is_named(tmp_path: Path) -> None:
    content = trials(5)
    del content["de_3"]
    savemat(tmp_path / "a.mat", content)

    with pytest.raises(RecordingError, match=r"a\.mat', key 'de_3': .*missing: got 4 keys"):
        read_numbered(tmp_path / "a.mat", "de_", count=5)


def test_a_trial_too_many_is_named(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", trials(24))

    with pytest.raises(RecordingError, match=r"key 'de_16': wrong number of trials: got 24, exp"):
        read_numbered(tmp_path / "a.mat", "de_", count=15)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("text", r"text of shape \(1, 4\)"),
        (np.array([{"a": 1}], object), "cell array"),
        ({"a": 1}, "structure"),
        (np.array([1.0 + 2.0j]), "complex numbers"),
        (csc_matrix(np.eye(3)), "sparse matrix"),
    ],
)
def test_what_is_not_numeric_is_refused(tmp_path: Path, value: object, got: str) -> None:
    savemat(tmp_path / "a.mat", {"x": value})

    with pytest.raises(RecordingError, match=rf"key 'x': not a numeric array: got {got}"):
        read_mat(tmp_path / "a.mat", ["x"])


@pytest.mark.parametrize("head", [b"MATLAB 7.3 MAT-file, Platform: GLNXA64", b"\x89HDF\r\n\x1a\n"])
def test_version_7_3_is_refused_with_the_way_out(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(head.ljust(600, b" "))

    with pytest.raises(RecordingError, match=r"a\.mat': .*version 7\.3: .*option '-v7'"):
        read_numbered(tmp_path / "a.mat", "de_", count=2)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, share: float, compressed: bool) -> None:
    path = tmp_path / "a.mat"
    rng = np.random.default_rng(0)
    content = {f"de_{k}": rng.standard_normal((40, 3)) for k in range(1, 6)}
    savemat(path, content, do_compression=compressed)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])

    with pytest.raises(RecordingError, match=r"a\.mat'"):
        read_numbered(path, "de_", count=5)


@pytest.mark.parametrize(
    "raw",
    [
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n" * 5,
        b"<html>" * 200,
        bytes(range(256)) * 8,
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(raw)

    with pytest.raises(RecordingError, match=r"a\.mat'.*(not a MATLAB file|missing)"):
        read_mat(tmp_path / "a.mat", ["x"])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"a\.mat': cannot be read: got No such file"):
        read_mat(tmp_path / "a.mat", ["x"])
