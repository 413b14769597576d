"""Tiny copies of SEED-IV: every folder, file, key and layout as published, few windows."""

from collections.abc import Sequence
from pathlib import Path

from support.feature_values import (
    FloatArray,
    differential_entropy,
    eye_movement,
    n_windows,
    write_mat,
)

DATES = ("20160518", "20161125", "20161126")


def eeg(person: int, session: int, trial: int) -> FloatArray:
    return differential_entropy(4, person, session, trial, n=n_windows(person, session, trial))


def eye(person: int, session: int, trial: int) -> FloatArray:
    return eye_movement(4, person, session, trial, n=n_windows(person, session, trial), d=31)


def write_seed_iv(
    root: Path, *, people: Sequence[int] = (1, 2), eye_of: Sequence[int] = (1, 2)
) -> Path:
    for session, date in enumerate(DATES, start=1):
        for person in people:
            content = {}
            for trial in range(1, 25):
                x = eeg(person, session, trial).transpose(1, 0, 2)
                content[f"de_LDS{trial}"] = x
                content[f"de_movingAve{trial}"] = x + 1.0
            write_mat(root / "eeg_feature_smooth" / f"{session}" / f"{person}_{date}.mat", content)
        for person in eye_of:
            eyes = {f"eye_{k}": eye(person, session, k).T for k in range(1, 25)}
            write_mat(root / "eye_feature_smooth" / f"{session}" / f"{person}_{date}.mat", eyes)
    return root
