"""Tiny copies of SEED-VII: every folder, file, key and layout as published, few windows."""

from collections.abc import Sequence
from pathlib import Path

from support.feature_values import (
    FloatArray,
    differential_entropy,
    eye_movement,
    n_windows,
    write_mat,
)


def eeg(person: int, k: int) -> FloatArray:
    return differential_entropy(7, person, k, n=n_windows(person, 1, k))


def eye(person: int, k: int) -> FloatArray:
    return eye_movement(7, person, k, n=n_windows(person, 1, k), d=33)


def write_seed_vii(
    root: Path, *, people: Sequence[int] = (1, 2), eye_of: Sequence[int] = (1, 2)
) -> Path:
    for person in people:
        content = {}
        for k in range(1, 81):
            x = eeg(person, k).transpose(0, 2, 1)
            content[f"de_{k}"] = x + 1.0
            content[f"de_LDS_{k}"] = x
        write_mat(root / "EEG_features" / f"{person}.mat", content)
    for person in eye_of:
        eyes = {f"{k}": eye(person, k) for k in range(1, 81)}
        write_mat(root / "EYE_features" / f"{person}.mat", eyes)
    return root
