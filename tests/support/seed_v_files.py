"""Tiny copies of SEED-V: every folder, file, key and layout as published, few windows."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from support.feature_values import FloatArray, differential_entropy, eye_movement, n_windows

SECOND = (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0)
LABELS = (4, 1, 3, 2, 0) * 3 + SECOND + SECOND


def eeg(person: int, k: int) -> FloatArray:
    return differential_entropy(5, person, k, n=n_windows(person, 1, k))


def eye(person: int, k: int) -> FloatArray:
    return eye_movement(5, person, k, n=n_windows(person, 1, k), d=33)


def eeg_trials(person: int) -> dict[int, FloatArray]:
    return {k: eeg(person, k).reshape(-1, 310) for k in range(45)}


def eye_trials(person: int) -> dict[int, FloatArray]:
    return {k: eye(person, k) for k in range(45)}


def labels_of(trials: Mapping[int, FloatArray]) -> dict[int, FloatArray]:
    return {k: np.full(len(x), float(LABELS[k])) for k, x in trials.items()}


def write_npz(path: Path, data: object, labels: object) -> Path:
    """As the data set's holders have it: pickles as strings of bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, data=pickle.dumps(data), label=pickle.dumps(labels))
    return path


def write_seed_v(
    root: Path, *, people: Sequence[int] = (1, 2), eye_of: Sequence[int] = (1, 2)
) -> Path:
    for person in people:
        trials = eeg_trials(person)
        write_npz(root / "EEG_DE_features" / f"{person}_123.npz", trials, labels_of(trials))
    for person in eye_of:
        trials = eye_trials(person)
        write_npz(root / "Eye_movement_features" / f"{person}_123.npz", trials, labels_of(trials))
    return root
