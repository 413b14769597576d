"""Reads what users of the authors' code have on disk: a state dict, and how its input was scaled.

Nothing here unpickles. A `.pth` file can run code when it is read, so it is refused, with the
lines that convert it where it came from.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hadua.models.bundle import MAX_FILE_BYTES
from hadua.models.errors import BundleError, UsageError
from hadua.models.features import FloatArray
from hadua.models.safetensors_file import load_arrays

Arrays = Mapping[str, npt.NDArray[np.generic]]
IDENTITY = "identity"

_CONVERT = """Convert it where you trained it, and give the result:
    import torch; from safetensors.torch import save_file
    state = torch.load({path!r}, map_location="cpu", weights_only=True)
    save_file({{k: v.contiguous() for k, v in state.items()}}, "weights.safetensors")"""
_KEYS = ("eeg_mean", "eeg_std", "eye_mean", "eye_std")


def read_state_dict(path: Path) -> Arrays:
    """Read the arrays of a `.safetensors` or `.npz` file by name.

    Raises:
        UsageError: a file of another kind, one that holds pickles among them.
        BundleError: no such file, or one that is damaged or too large.
    """
    readers = {".safetensors": _read_safetensors, ".npz": _read_npz}
    if path.suffix not in readers:
        raise UsageError(
            f"--official {str(path)!r}",
            got=f"a {path.suffix or 'nameless kind of'} file, which may be a pickle and run code",
            expected="a .safetensors or .npz file",
            hint=_CONVERT.format(path=path.name),
        )
    _require_readable(path, flag="--official")
    return readers[path.suffix](path, "--official")


def read_normalisation(given: str, *, n_eeg: int, n_eye: int) -> tuple[FloatArray, ...]:
    """Read what the network's input was scaled by: EEG mean and std, eye mean and std.

    Args:
        given: `identity`, or a `.npz` file with `eeg_mean`, `eeg_std`, `eye_mean` and `eye_std`,
            or with `mean` and `std` over EEG, then eye, features.
        n_eeg: Number of EEG features.
        n_eye: Number of eye features.

    Raises:
        UsageError: other names, lengths or values.
        BundleError: no such file, or one that is damaged or too large.
    """
    widths = {"eeg": n_eeg, "eye": n_eye}
    if given == IDENTITY:
        return tuple(f(n) for n in widths.values() for f in (np.zeros, np.ones))
    path, where = Path(given), f"--normalisation {given!r}"
    if path.suffix != ".npz":
        raise UsageError(
            where, got=f"a {path.suffix!r} file", expected=f"a .npz file or {IDENTITY!r}"
        )
    _require_readable(path, flag="--normalisation")
    arrays = _read_npz(path, "--normalisation")
    if set(arrays) == {"mean", "std"}:
        arrays = {
            f"{m}_{k}": part
            for k in ("mean", "std")
            for m, part in zip(widths, np.split(arrays[k], [n_eeg]), strict=True)
        }
    if set(arrays) != set(_KEYS):
        raise UsageError(
            where,
            got=", ".join(sorted(arrays)) or "nothing in it",
            expected=f"{', '.join(_KEYS)}; or mean, std",
        )
    return tuple(_checked(arrays[k], n=widths[k[:3]], where=f"{where}: {k!r}") for k in _KEYS)


def _checked(array: npt.NDArray[np.generic], *, n: int, where: str) -> FloatArray:
    if array.shape != (n,) or array.dtype.kind not in "fiu":
        raise UsageError(where, got=f"{array.dtype} {array.shape}", expected=f"numbers ({n},)")
    values = array.astype(np.float64)
    least = 0.0 if where.endswith("_std'") else -np.inf
    if not (np.isfinite(values) & (values > least)).all():
        raise UsageError(where, got="a value that is not finite, or a deviation of 0 or less")
    return values


def _read_safetensors(path: Path, flag: str) -> Arrays:
    try:
        return load_arrays(path.read_bytes())
    except ValueError as error:
        raise _damaged(path, flag, "safetensors", str(error)) from error


def _read_npz(path: Path, flag: str) -> Arrays:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
        foreign = [i.filename for i in infos if not i.filename.endswith(".npy")]
        if foreign or sum(i.file_size for i in infos) > MAX_FILE_BYTES:
            got = f"{foreign[0]!r} inside" if foreign else "too much inside"
            raise _damaged(path, flag, "npz", got)
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise _damaged(path, flag, "npz", str(error)) from error


def _require_readable(path: Path, *, flag: str) -> None:
    where = f"{flag} {str(path)!r}"
    if not path.is_file():
        raise BundleError(where, got="no such file", hint="Is the path right?")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise BundleError(where, got=f"{size} bytes", expected=f"{MAX_FILE_BYTES} at most")


def _damaged(path: Path, flag: str, kind: str, got: str) -> BundleError:
    return BundleError(
        f"{flag} {str(path)!r} is not a {kind} file of plain arrays",
        got=got.splitlines()[0] if got else "nothing that can be read",
        hint="Arrays of objects are pickles, and no pickle is read: store numbers.",
    )
