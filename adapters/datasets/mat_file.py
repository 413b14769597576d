"""MATLAB files of versions 5 to 7: named arrays, read without the rest of the file."""

import re
from collections.abc import Sequence
from pathlib import Path

from hadua.adapters.datasets.feature_files import Place, Table
from hadua.adapters.datasets.mat_format import MatArray, MatError, MatFile
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

_HDF5 = b"\x89HDF"


def read_mat(path: Path, keys: Sequence[str]) -> dict[str, FloatArray]:
    """Read named numeric arrays, and only those, as float64.

    Args:
        path: The file.
        keys: Names of the arrays.

    Raises:
        RecordingError: not a MATLAB 5 file, damaged, a key missing, or an array that is not
            numeric; names the file and the key.
    """
    with _open(path) as file:
        return _read(file, path, keys)


def read_numbered(path: Path, prefix: str, *, count: int) -> list[Table]:
    """Read the arrays `prefix1` to `prefixN`, one per trial, in order.

    Args:
        path: The file.
        prefix: What stands before the number; may be empty.
        count: N; the file must hold exactly so many.

    Raises:
        RecordingError: as `read_mat`, or a trial too many.
    """
    keys = [f"{prefix}{k}" for k in range(1, count + 1)]
    with _open(path) as file:
        numbered = [name for name in file.names if re.fullmatch(re.escape(prefix) + r"\d+", name)]
        beyond = [name for name in numbered if name not in keys]
        if beyond and len(numbered) > count:
            raise Place(path, beyond[0]).error(
                "wrong number of trials",
                got=f"{len(numbered)}",
                expected=f"{count}",
                hint="Is it a file of another data set?",
            )
        arrays = _read(file, path, keys)
    return [Table(arrays[key], Place(path, key)) for key in keys]


def _open(path: Path) -> MatFile:
    try:
        with path.open("rb") as file:
            head = file.read(128)
        if head.startswith((b"MATLAB 7.3", _HDF5)):
            raise Place(path).error(
                "a MATLAB file of version 7.3",
                got="an HDF5 container",
                expected="version 5 to 7, as the data set is published",
                hint="Load it in MATLAB and save it with the option '-v7'.",
            )
        return MatFile(path)
    except OSError as error:
        raise Place(path).error("cannot be read", got=error.strerror or str(error)) from error
    except MatError as error:
        raise _damaged(Place(path), error) from error


def _read(file: MatFile, path: Path, keys: Sequence[str]) -> dict[str, FloatArray]:
    missing = [key for key in keys if key not in set(file.names)]
    if missing:
        raise _missing(path, missing, file.names)
    arrays = {}
    for key in keys:
        try:
            array = file.read(key)
        except MatError as error:
            raise _damaged(Place(path, key), error) from error
        arrays[key] = _numbers(array, Place(path, key))
    return arrays


def _numbers(array: MatArray, place: Place) -> FloatArray:
    if array.values is None:
        raise place.error(
            "not a numeric array", got=f"{array.kind} of shape {array.shape}", expected="numbers"
        )
    return array.values


def _damaged(place: Place, error: MatError) -> RecordingError:
    return place.error(
        "not a MATLAB file, or damaged",
        got=str(error),
        expected="a MAT-file of version 5 to 7",
        hint="Copy or download it again.",
    )


def _missing(path: Path, missing: Sequence[str], names: Sequence[str]) -> RecordingError:
    shown = ", ".join(repr(name) for name in names[:6])
    return Place(path, missing[0]).error(
        f"{len(missing)} of the expected keys missing",
        got=f"{len(names)} keys: {shown}{', ...' if len(names) > 6 else ''}",
        expected=", ".join(repr(key) for key in missing[:6]) + (", ..." if missing[6:] else ""),
        hint="Is it a file of another data set, or was it cut off?",
    )
