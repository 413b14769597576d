"""A few labelled windows of people whom a network was not trained on, to notice when it breaks.

A bundle carries them where the licence of the data allows it. What is adapted to a person may lose
a little on others; if it loses much, it has forgotten what it knew.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hadua.models.errors import BundleError
from hadua.models.safetensors_file import load_arrays

MAX_WINDOWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class CheckSet:
    """Windows as the network takes them, with their classes.

    Args:
        eeg: `(n, d_eeg)` normalised features, 0 where absent.
        eye: `(n, d_eye)` likewise.
        present: `(n, 2)`, whether EEG and eye were measured.
        y: `(n,)` class index.
        stretch: `(n,)` id of the uninterrupted run that a window belongs to; equal ids stand
            together.
    """

    eeg: npt.NDArray[np.float32]
    eye: npt.NDArray[np.float32]
    present: npt.NDArray[np.bool_]
    y: npt.NDArray[np.int64]
    stretch: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def to_bytes(self) -> bytes:
        """The stored form; the same set gives the same bytes."""
        # Here and below imported late: serving needs no safetensors.
        from safetensors.numpy import save

        return save({f.name: np.ascontiguousarray(getattr(self, f.name)) for f in fields(self)})


def parse_check_set(
    content: bytes, *, n_eeg: int, n_eye: int, n_classes: int, where: str
) -> CheckSet:
    """Read the stored form and check it.

    Args:
        content: What `to_bytes` gave.
        n_eeg: EEG features of the bundle.
        n_eye: Its eye features.
        n_classes: Its number of classes.
        where: What the error names.

    Raises:
        BundleError: not such a file, other shapes, or values that cannot be.
    """
    try:
        arrays = load_arrays(content)
        found = CheckSet(**arrays)  # type: ignore[arg-type] # their types are looked at below
    except (ValueError, TypeError) as error:
        raise BundleError(
            f"{where}: not a check set", got=str(error), hint="Copy the bundle again."
        ) from error
    n = len(found.y) if found.y.ndim == 1 else 0
    expected = {
        "eeg": ((n, n_eeg), "float32"),
        "eye": ((n, n_eye), "float32"),
        "present": ((n, 2), "bool"),
        "y": ((n,), "int64"),
        "stretch": ((n,), "int64"),
    }
    got = {f.name: (getattr(found, f.name).shape, str(arrays[f.name].dtype)) for f in fields(found)}
    if got != expected or not 1 <= n <= MAX_WINDOWS:
        raise BundleError(
            f"{where}: shapes of a check set",
            got=str(got),
            expected=f"{expected}, 1 to {MAX_WINDOWS} windows",
            hint="It belongs to another bundle; export this one again.",
        )
    _require_values(found, n_classes=n_classes, where=where)
    return found


def _require_values(found: CheckSet, *, n_classes: int, where: str) -> None:
    finite = np.isfinite(found.eeg).all() and np.isfinite(found.eye).all()
    if not finite or found.y.min() < 0 or found.y.max() >= n_classes:
        raise BundleError(
            f"{where}: values of a check set",
            got=f"classes {found.y.min()} to {found.y.max()}"
            if finite
            else "one that is not finite",
            expected=f"finite features and classes 0 to {n_classes - 1}",
        )
    if len(np.unique(found.stretch)) != 1 + np.count_nonzero(np.diff(found.stretch)):
        raise BundleError(f"{where}: windows of a stretch do not stand together")
