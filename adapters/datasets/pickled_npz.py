"""Pickled features, as SEED and SEED-V publish some: read only where the user allows it.

A pickle is a program, and unpickling runs it. With the user's permission it is still read by an
unpickler that knows nothing but NumPy arrays and plain containers; a file that asks for anything
else is refused. That stops known attacks and does not make a hostile file safe.
"""

import io
import pickle
import struct
import tokenize
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hadua.adapters.datasets.feature_files import Place
from hadua.models.features import FloatArray

FLAG = "--allow-pickle"

_BROKEN = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
)


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as protocols 0 to 2 write them: as text in latin1, and in nothing else."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text in {encoding!r}")
    return text.encode("latin1")


def _array_parts() -> Mapping[tuple[str, str], object]:
    """What a pickled array is made of, under the names of NumPy 1 and 2."""
    rebuild, scalar = np.zeros(1).__reduce__()[0], np.float64(0.0).__reduce__()[0]
    buffer = np.zeros(1).__reduce_ex__(5)[0]
    parts: dict[tuple[str, str], object] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encode,
        ("collections", "OrderedDict"): OrderedDict,
    }
    for package in ("numpy.core", "numpy._core"):
        parts[f"{package}.multiarray", "_reconstruct"] = rebuild
        parts[f"{package}.multiarray", "scalar"] = scalar
        parts[f"{package}.numeric", "_frombuffer"] = buffer
    return MappingProxyType(parts)


_ALLOWED = _array_parts()


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles arrays, numbers and plain containers, and nothing that can act."""

    def find_class(self, module: str, name: str) -> object:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def require_permission(path: Path, *, allow_pickle: bool) -> None:
    """Raise `RecordingError` that says what is unsafe, unless the user has allowed it."""
    if not allow_pickle:
        raise Place(path).error(
            "holds pickled data, which is not read without your permission",
            got="a pickle, a format that can run any program when it is read",
            hint=f"If it comes from the data set's own site, allow it with {FLAG}.",
        )


def read_pickle(path: Path, *, allow_pickle: bool) -> Mapping[object, object]:
    """Read a file that is one pickled dictionary.

    Raises:
        RecordingError: not allowed, damaged, not a dictionary, or not only arrays.
    """
    require_permission(path, allow_pickle=allow_pickle)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Place(path).error("cannot be read", got=error.strerror or str(error)) from error
    return _dictionary(_unpickle(raw, Place(path)), Place(path))


def read_pickled_npz(path: Path, key: str, *, allow_pickle: bool) -> Mapping[object, object]:
    """Read one array of an npz file that holds a pickled dictionary.

    The dictionary may be stored as bytes or as an object array.

    Raises:
        RecordingError: not allowed, damaged, no such key, not a dictionary, or not only arrays.
    """
    require_permission(path, allow_pickle=allow_pickle)
    place = Place(path, key)
    value: object = _member(path, key)
    if isinstance(value, np.ndarray) and value.dtype.kind in "SVu" and value.dtype != object:
        value = _unpickle(value.tobytes(), place)
    elif isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 0:
        value = value.item()
    if isinstance(value, bytes):
        value = _unpickle(value, place)
    return _dictionary(value, place)


def as_floats(value: object, place: Place) -> FloatArray:
    """Turn what was pickled into float64 numbers.

    Raises:
        RecordingError: it is not numbers.
    """
    try:
        nested = value.tolist() if isinstance(value, np.ndarray) else value
        return np.asarray(nested, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise place.error(
            "not a table of numbers", got=f"{type(value).__name__}: {error}", expected="numbers"
        ) from error


def _member(path: Path, key: str) -> npt.NDArray[np.generic]:
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{key}.npy" not in archive.namelist():
                names = ", ".join(repr(n.removesuffix(".npy")) for n in archive.namelist()[:6])
                raise Place(path, key).error("missing", got=f"keys {names}", expected=repr(key))
            raw = archive.read(f"{key}.npy")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise Place(path).error(
            "not an npz file, or damaged", got=str(error), hint="Copy or download it again."
        ) from error
    return _array(raw, Place(path, key))


def _array(raw: bytes, place: Place) -> npt.NDArray[np.generic]:
    """An array in npy format; if of objects, by the careful unpickler."""
    file = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(file)
        else:
            header = np.lib.format.read_array_header_2_0(file)
        if header[2].hasobject:
            array = _unpickle(raw[file.tell() :], place)
        else:
            file.seek(0)
            array = np.lib.format.read_array(file, allow_pickle=False)
    except _BROKEN as error:
        raise place.error("not an array in npy format", got=str(error)) from error
    if not isinstance(array, np.ndarray):
        raise place.error("not an array", got=type(array).__name__)
    return array


def _unpickle(raw: bytes, place: Place) -> object:
    try:
        # latin1: arrays that Python 2 pickled hold their bytes in such strings
        return _ArrayUnpickler(io.BytesIO(raw), encoding="latin1").load()
    except _BROKEN as error:
        raise place.error(
            "a pickle that is damaged, or holds more than arrays",
            got=str(error) or type(error).__name__,
            expected="arrays in a dictionary",
            hint="Do not trust this file; download it again from the data set's own site.",
        ) from error


def _dictionary(value: object, place: Place) -> Mapping[object, object]:
    if not isinstance(value, dict):
        raise place.error("wrong content", got=type(value).__name__, expected="a dictionary")
    return MappingProxyType(value)


def take(content: Mapping[object, object], key: object, place: Place) -> object:
    """What is stored under a key.

    Raises:
        RecordingError: nothing is; says what is there.
    """
    if key not in content:
        keys = ", ".join(repr(k) for k in list(content)[:6])
        raise place.error("missing", got=f"{len(content)} keys: {keys}", expected=repr(key))
    return content[key]
