"""Folds as files: NumPy arrays without pickle, so that nothing of a result is lost or runs."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hadua.models.errors import HaduaError, InvalidInputError
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.results import FoldResult, Protocol

_ARRAYS = ("y", "probabilities", "session", "order")
_HEAD = "folds"  # name of the array that holds what is not an array, as JSON
_Arrays = Mapping[str, npt.NDArray[np.generic]]


class ResultsError(HaduaError):
    """A file of results that is missing, damaged or not what its name says."""

    code: ClassVar[str] = "results-invalid"


class _Head(BaseModel):
    """What a fold is besides its arrays."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schema_version: Literal[1] = 1
    method: str
    protocol: Protocol
    seed: int
    person: str
    seconds: float
    threshold: float | None


_HEADS = TypeAdapter(list[_Head])


def write_folds(path: Path, folds: Sequence[FoldResult]) -> None:
    """Write folds to one `.npz`, without loss, whole or not at all; equal folds, equal bytes."""
    write_whole(path, packed(folds))


def read_folds(path: Path) -> tuple[FoldResult, ...]:
    """Read what `write_folds` wrote.

    Raises:
        ResultsError: no such file, or not one of ours.
    """
    try:
        return unpacked(path.read_bytes(), where=str(path))
    except OSError as error:
        raise ResultsError(f"folds {str(path)!r}", got=str(error)) from error


def packed(folds: Sequence[FoldResult]) -> bytes:
    """The bytes of such a file."""
    heads = [
        {
            "schema_version": 1,
            "method": f.method,
            "protocol": f.protocol,
            "seed": f.seed,
            "person": f.person,
            "seconds": f.seconds,
            "threshold": f.threshold,
        }
        for f in folds
    ]
    arrays: dict[str, npt.NDArray[np.generic]] = {_HEAD: np.array(json.dumps(heads))}
    for k, fold in enumerate(folds):
        arrays |= {f"{k}/{name}": getattr(fold, name) for name in _ARRAYS}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes, *, where: str) -> tuple[FoldResult, ...]:
    """The folds of such bytes; `where` names them in messages.

    Raises:
        ResultsError: they are not of such a file.
    """
    damaged = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            heads = _HEADS.validate_json(str(arrays[_HEAD]))
            there = {_HEAD, *(f"{k}/{n}" for k in range(len(heads)) for n in _ARRAYS)}
            if set(arrays) != there:
                raise ResultsError(
                    f"folds {where!r}",
                    got=f"arrays {sorted(set(arrays) ^ there)[:4]} too many or too few",
                )
            return tuple(_fold(head, arrays, k) for k, head in enumerate(heads))
    except (*damaged, ValidationError, InvalidInputError) as error:
        raise ResultsError(
            f"folds {where!r}",
            got=f"{type(error).__name__}: {error}",
            expected="a file that `hadua evaluate` wrote",
        ) from error


def _fold(head: _Head, arrays: _Arrays, k: int) -> FoldResult:
    y, p, session, order = (arrays[f"{k}/{name}"] for name in _ARRAYS)
    if p.dtype not in (np.float32, np.float64):
        raise InvalidInputError(f"fold {k}", got=f"probabilities of {p.dtype}")
    if not y.dtype == session.dtype == order.dtype == np.int64:
        raise InvalidInputError(f"fold {k}", got=f"classes of {y.dtype}", expected="int64")
    return FoldResult(
        method=head.method,
        protocol=head.protocol,
        seed=head.seed,
        person=head.person,
        y=y.astype(np.int64),
        probabilities=p.astype(np.float32) if p.dtype == np.float32 else p.astype(np.float64),
        session=session.astype(np.int64),
        order=order.astype(np.int64),
        seconds=head.seconds,
        threshold=head.threshold,
    )
