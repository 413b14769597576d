import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hadua.adapters.datasets.feature_files import Place
from hadua.adapters.datasets.pickled_npz import as_floats, read_pickle, read_pickled_npz, take
from hadua.models.errors import RecordingError


class Command:
    """Unpickling it with `pickle.load` makes a folder: proof that something ran."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._path),)


DATA = {0: np.arange(6.0).reshape(2, 3), 1: np.ones((1, 3), np.float32)}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", [">f8", "<f4", "<i8", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_whatever_the_protocol(
    tmp_path: Path, protocol: int, dtype: str, order: str
) -> None:
    x = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    stored = OrderedDict(a=np.asfortranarray(x) if order == "F" else x, b=x[0, 0], c=[1.5, 2])
    (tmp_path / "1_1").write_bytes(pickle.dumps(stored, protocol=protocol))

    content = read_pickle(tmp_path / "1_1", allow_pickle=True)

    np.testing.assert_array_equal(as_floats(content["a"], Place(tmp_path)), x.astype(np.float64))
    assert content["b"] == 1
    assert content["c"] == [1.5, 2]


def test_arrays_that_numpy_1_pickled_come_back(tmp_path: Path) -> None:
    old = pickle.dumps({"a": np.arange(4.0)}, protocol=2).replace(b"numpy._core", b"numpy.core")
    (tmp_path / "1_1").write_bytes(old)

    content = read_pickle(tmp_path / "1_1", allow_pickle=True)

    assert as_floats(content["a"], Place(tmp_path)).tolist() == [0.0, 1.0, 2.0, 3.0]


def bytes_scalar(path: Path, value: object) -> None:
    np.savez(path, data=pickle.dumps(value))


def bytes_vector(path: Path, value: object) -> None:
    np.savez(path, data=np.frombuffer(pickle.dumps(value), np.uint8))


def object_scalar(path: Path, value: object) -> None:
    np.savez_compressed(path, data=np.array(value, object))


def object_of_bytes(path: Path, value: object) -> None:
    np.savez(path, data=np.array(pickle.dumps(value), object))


Write = Callable[[Path, object], None]
WAYS: list[Write] = [bytes_scalar, bytes_vector, object_scalar, object_of_bytes]


@pytest.mark.parametrize("write", WAYS)
def test_every_way_to_put_a_dictionary_into_npz_is_read(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "1_123.npz", DATA)

    content = read_pickled_npz(tmp_path / "1_123.npz", "data", allow_pickle=True)

    assert list(content) == [0, 1]
    for k, x in DATA.items():
        np.testing.assert_array_equal(as_floats(content[k], Place(tmp_path)), x)


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize("allow", [True, False])
def test_nothing_that_acts_is_run_even_with_permission(
    tmp_path: Path, write: Write, allow: bool
) -> None:
    write(tmp_path / "1_123.npz", {0: Command(tmp_path / "ran")})

    with pytest.raises(RecordingError, match="allow-pickle" if not allow else r"more than arrays"):
        read_pickled_npz(tmp_path / "1_123.npz", "data", allow_pickle=allow)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("allow", [True, False])
def test_a_pickle_that_acts_is_not_run(tmp_path: Path, allow: bool) -> None:
    (tmp_path / "1_1").write_bytes(pickle.dumps(Command(tmp_path / "ran")))

    with pytest.raises(RecordingError, match="allow-pickle" if not allow else r"asks for .*mkdir"):
        read_pickle(tmp_path / "1_1", allow_pickle=allow)
    assert not (tmp_path / "ran").exists()


def test_the_refusal_names_file_danger_and_flag(tmp_path: Path) -> None:
    (tmp_path / "1_1").write_bytes(pickle.dumps(DATA))

    with pytest.raises(
        RecordingError, match=r"1_1': .*permission: .*run any program.*--allow-pickle"
    ):
        read_pickle(tmp_path / "1_1", allow_pickle=False)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_damaged_files_are_refused(tmp_path: Path, share: float) -> None:
    bytes_scalar(tmp_path / "a.npz", DATA)
    for name, raw in (("a.npz", (tmp_path / "a.npz").read_bytes()), ("1_1", pickle.dumps(DATA))):
        (tmp_path / name).write_bytes(raw[: int(share * len(raw))])

    with pytest.raises(RecordingError, match=r"a\.npz': not an npz file, or damaged"):
        read_pickled_npz(tmp_path / "a.npz", "data", allow_pickle=True)
    with pytest.raises(RecordingError, match=r"1_1': a pickle that is damaged"):
        read_pickle(tmp_path / "1_1", allow_pickle=True)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    bytes_scalar(tmp_path / "a.npz", DATA)

    with pytest.raises(RecordingError, match=r"key 'label': missing: got keys 'data'"):
        read_pickled_npz(tmp_path / "a.npz", "label", allow_pickle=True)


@pytest.mark.parametrize("value", [[1, 2], 3.0, b"abc"])
def test_what_is_no_dictionary_is_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / "1_1").write_bytes(pickle.dumps(value))

    with pytest.raises(RecordingError, match=r"1_1': wrong content: .*expected a dictionary"):
        read_pickle(tmp_path / "1_1", allow_pickle=True)


def test_a_plain_array_in_npz_is_no_dictionary(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", data=np.zeros((3, 310)))

    with pytest.raises(RecordingError, match=r"key 'data': wrong content: got ndarray"):
        read_pickled_npz(tmp_path / "a.npz", "data", allow_pickle=True)


def test_a_member_that_is_no_array_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", b"not an array")

    with pytest.raises(RecordingError, match=r"key 'data': not an array in npy format"):
        read_pickled_npz(tmp_path / "a.npz", "data", allow_pickle=True)


@pytest.mark.parametrize("value", [["a"], [[1.0], [1.0, 2.0]], {"a": 1}])
def test_what_is_no_table_of_numbers_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(RecordingError, match=r"/x', key 'k': not a table of numbers"):
        as_floats(value, Place(tmp_path / "x", "k"))


def test_taking_what_is_not_there_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"missing: got 2 keys: 0, 1, expected 7"):
        take({0: 1, 1: 2}, 7, Place(tmp_path))


def test_an_object_array_is_read_without_numpys_own_unpickling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_scalar(tmp_path / "a.npz", DATA)

    def refuse(*args: object, **kwargs: object) -> npt.NDArray[np.generic]:
        raise AssertionError(f"pickle.load was called with {args} {kwargs}")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)

    assert list(read_pickled_npz(tmp_path / "a.npz", "data", allow_pickle=True)) == [0, 1]
