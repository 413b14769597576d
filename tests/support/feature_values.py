"""Made-up published features, known in every cell, in no data set's layout yet."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat, savemat

FloatArray = npt.NDArray[np.float64]


def differential_entropy(*identity: int, n: int) -> FloatArray:
    """`(n_windows, 62 channels, 5 bands)`, other numbers for every identity."""
    rng = np.random.default_rng(identity)
    falling = np.linspace(25.0, 15.0, 5)  # as DE does from delta to gamma
    return falling + rng.standard_normal((n, 62, 5))


def eye_movement(*identity: int, n: int, d: int) -> FloatArray:
    """`(n_windows, n_features)`, other numbers for every identity."""
    return np.random.default_rng((99, *identity)).standard_normal((n, d))


def n_windows(person: int, session: int, trial: int) -> int:
    """Windows of a trial: 1 to 4, but the same clip lasts the same for everybody."""
    return 1 + (session * 7 + trial * 3) % 4 + 0 * person


def write_mat(path: Path, content: dict[str, FloatArray]) -> Path:
    """Write a compressed MATLAB 5 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content, do_compression=True)
    return path


def change_mat(path: Path, changes: dict[str, FloatArray | None]) -> Path:
    """Write a MATLAB file again with some arrays replaced, added, or (None) left out."""
    content = {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    for key, value in changes.items():
        if value is None:
            del content[key]
        else:
            content[key] = value
    return write_mat(path, content)


def read_array(path: Path, key: str) -> FloatArray:
    """One array of a MATLAB file."""
    return np.asarray(loadmat(path)[key], np.float64)


def with_nan(x: FloatArray, at: tuple[int, ...], value: float = np.nan) -> FloatArray:
    """A copy with one value that is not finite."""
    changed = x.copy()
    changed[at] = value
    return changed
