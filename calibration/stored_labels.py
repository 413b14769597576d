"""Told classes beside a calibration's windows, so that a fit after a crash knows them too."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from hadua.calibration.durable import Disk
from hadua.calibration.told import MOST
from hadua.calibration.trusting import UNTOLD
from hadua.calibration.windows import IntArray
from hadua.models.errors import CalibrationError
from hadua.models.features import FloatArray

LABELS = "labels.json"
MAX_BYTES = 2**20


class StoredLabel(BaseModel):
    """A class for the windows that end in a stretch of time.

    Args:
        label: The class.
        from_s: LSL time after which they end.
        until_s: LSL time up to which they end.
        from_row: Windows collected before the service's present run: their clock was another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[int, Field(ge=0)]
    from_s: FiniteFloat
    until_s: FiniteFloat
    from_row: Annotated[int, Field(ge=0)] = 0


_ADAPTER = TypeAdapter(tuple[StoredLabel, ...])


def keep_labels(disk: Disk, folder: Path, labels: tuple[StoredLabel, ...]) -> None:
    """Put them in the place of those that were there; the newest of too many."""
    disk.replace(folder / LABELS, _ADAPTER.dump_json(labels[-MOST:]) + b"\n")


def read_labels(folder: Path, *, n_classes: int) -> tuple[StoredLabel, ...]:
    """Those that were told, oldest first.

    Raises:
        CalibrationError: a file that cannot be read, or a class that there is not.
    """
    path = folder / LABELS
    if not path.exists():
        return ()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("a file that is too large")
        labels = _ADAPTER.validate_json(path.read_bytes())
        if any(each.label >= n_classes for each in labels):
            raise ValueError(f"a class that is not below {n_classes}")
    except (OSError, ValueError, ValidationError) as error:
        raise CalibrationError(
            f"labels of a calibration {str(path)!r}",
            got=str(error).splitlines()[0],
            expected="labels as they were stored",
            hint="Start a new calibration.",
        ) from None
    return labels


def told_of(labels: Iterable[StoredLabel], end_s: FloatArray) -> IntArray:
    """`(n,)` class that was told of each window, or `UNTOLD`; of two the later one holds."""
    told, row = np.full(len(end_s), UNTOLD, np.int64), np.arange(len(end_s))
    for each in labels:
        inside = (end_s > each.from_s) & (end_s <= each.until_s) & (row >= each.from_row)
        told[inside] = each.label
    return told
