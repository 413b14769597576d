"""Small exports as the authors' code reads them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

RUNS = ((0, 3), (1, 2), (2, 4), (1, 1))
"""Label and number of windows of each run."""


def labels(runs: Sequence[tuple[int, int]] = RUNS) -> npt.NDArray[np.int64]:
    return np.concatenate([np.full(n, label, np.int64) for label, n in runs])


def write_array(root: Path, folder: str, person: int, x: npt.NDArray[np.generic]) -> Path:
    path = root / folder / f"{person}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, x)
    return path


def features(person: int, n: int, d: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng((person, d)).standard_normal((n, d))


def write_official(
    root: Path,
    *,
    people: Sequence[int] = (1, 2, 10),
    widths: tuple[int | None, int | None] = (7, 5),
    runs: Sequence[tuple[int, int]] = RUNS,
) -> Path:
    y = labels(runs)
    for person in people:
        write_array(root, "Label", person, y)
        for folder, width in zip(("EEG", "EYE"), widths, strict=True):
            if width is not None:
                write_array(root, folder, person, features(person, len(y), width))
    return root
