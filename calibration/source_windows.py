"""The source people's windows in a folder of the lab that has them.

They are stored as the network was trained on them and belong to one bundle; they are mapped into
memory, so that what is not drawn is not read.
"""

import hashlib
import json
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from hadua.calibration.durable import Disk
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.windows import Windows
from hadua.models.bundle import Bundle
from hadua.models.errors import CalibrationError
from hadua.models.features import Modality

INDEX = "source.json"
_HINT = "Keep them anew: `hadua train --keep-source FOLDER`."


class Index(BaseModel):
    """`source.json`: of which bundle the windows are, and the hash of each file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    bundle_digest: str
    files: dict[str, str]


def keep_source(folder: Path, source: LabelledWindows, bundle: Bundle) -> None:
    """Write a bundle's source windows; whatever of that name was there goes."""
    disk, files = Disk(), {}
    disk.make(folder.parent)
    disk.sweep(folder.parent)
    fresh = folder.with_name(f".new-{folder.name}")
    disk.make(fresh)
    for name, array in _arrays(source).items():
        np.save(fresh / f"{name}.npy", array, allow_pickle=False)
        files[f"{name}.npy"] = _hash(fresh / f"{name}.npy")
    index = Index(bundle_digest=bundle.digest, files=files)
    disk.write(fresh / INDEX, (index.model_dump_json(indent=1) + "\n").encode())
    if folder.exists():
        disk.remove(folder)
    disk.rename(fresh, folder)


def load_source(folder: Path, bundle: Bundle) -> LabelledWindows:
    """Map what `keep_source` wrote.

    Raises:
        CalibrationError: not there, damaged, or of another bundle.
    """
    where = f"source windows {str(folder)!r}"
    try:
        index = Index.model_validate(json.loads((folder / INDEX).read_bytes()))
        damaged = [name for name, sha in index.files.items() if _hash(folder / name) != sha]
        if damaged or index.files.keys() != {f"{name}.npy" for name in _NAMES}:
            raise CalibrationError(f"{where}: {', '.join(damaged) or INDEX} is damaged", hint=_HINT)
        arrays = {
            n: np.load(folder / f"{n}.npy", mmap_mode="r", allow_pickle=False) for n in _NAMES
        }
    except (OSError, ValueError, ValidationError) as error:
        raise CalibrationError(where, got=str(error).splitlines()[0], hint=_HINT) from error
    if index.bundle_digest != bundle.digest:
        raise CalibrationError(
            f"{where} are of another bundle",
            got=index.bundle_digest[:12],
            expected=f"{bundle.id!r}",
            hint=_HINT,
        )
    y = arrays.pop("y")
    source = LabelledWindows(Windows(**arrays), y)
    got = source.windows.x_eeg.shape[1], source.windows.x_eye.shape[1]
    expected = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
    if got != expected:
        raise CalibrationError(where, got=f"{got} features", expected=f"{expected}", hint=_HINT)
    return source


_NAMES = ("x_eeg", "x_eye", "present", "subject", "session", "stretch", "y")


def _arrays(source: LabelledWindows) -> dict[str, npt.NDArray[np.generic]]:
    own = source.windows
    return {n: np.asarray(source.y if n == "y" else getattr(own, n)) for n in _NAMES}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
