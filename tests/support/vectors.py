"""Numbers made by running the published network; they lie beside the recordings."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch


@cache
def _load(path: Path) -> Mapping[str, npt.NDArray[np.generic]]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive}


def vectors() -> Mapping[str, npt.NDArray[np.generic]]:
    """The arrays by name, or a skip that says how to get them."""
    root = os.environ.get("HADUA_RECORDINGS")
    path = Path(root or ".").parent / "vectors" / "official_c3_h16.npz"
    if not root or not path.is_file():
        pytest.skip("no vectors/official_c3_h16.npz beside the folder of HADUA_RECORDINGS")
    return _load(path)


def tensor(name: str) -> torch.Tensor:
    """One of them, in float64 if it is of floats."""
    array = vectors()[name]
    return torch.tensor(array.astype(np.float64) if array.dtype.kind == "f" else array)
