"""A data set on the disk, for worker processes to map into their memory."""

import json
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np

from hadua.calibration.dataset import Dataset

_NAMES = ("classes", "people")


def store(folder: Path, data: Dataset) -> None:
    """Write a data set; whatever was in the folder goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for field in fields(Dataset):
        if field.name not in _NAMES:
            np.save(folder / f"{field.name}.npy", getattr(data, field.name), allow_pickle=False)
    names = {name: getattr(data, name) for name in _NAMES}
    (folder / "names.json").write_text(json.dumps(names), encoding="utf-8")


def load(folder: Path) -> Dataset:
    """Map what `store` wrote."""
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    arrays = {
        field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r", allow_pickle=False)
        for field in fields(Dataset)
        if field.name not in _NAMES
    }
    return Dataset(tuple(names["classes"]), tuple(names["people"]), **arrays)
