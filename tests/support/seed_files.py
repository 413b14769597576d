"""Tiny copies of SEED: every folder, file, key and layout as published, few windows."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from support.feature_values import FloatArray, differential_entropy, eye_movement, write_mat

LABELS = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)
DATES = ("20131107", "20131027", "20131030")
"""Written out of order: the sessions are in order of date."""


def clip_windows(trial: int) -> int:
    """Windows of 1 s in a clip: 4 to 11."""
    return 4 + (trial * 5) % 8


def eeg(person: int, session: int, trial: int, *, n: int | None = None) -> FloatArray:
    return differential_entropy(1, person, session, trial, n=n or clip_windows(trial))


def eye(person: int, session: int, trial: int) -> FloatArray:
    """Windows of 4 s."""
    return eye_movement(1, person, session, trial, n=clip_windows(trial) // 4, d=33)


def write_seed(
    root: Path,
    *,
    people: Sequence[int] = (1, 2),
    eye_of: Sequence[int] = (1,),
    folder: str = "ExtractedFeatures",
    window_s: int = 1,
    labels: Sequence[int] | None = LABELS,
) -> Path:
    for person in people:
        for session, date in enumerate(sorted(DATES), start=1):
            content = {}
            for trial in range(1, 16):
                x = eeg(person, session, trial, n=clip_windows(trial) // window_s)
                content[f"de_LDS{trial}"] = x.transpose(1, 0, 2)
                content[f"de_movingAve{trial}"] = x.transpose(1, 0, 2) + 1.0
                content[f"psd_LDS{trial}"] = x.transpose(1, 0, 2) + 2.0
            write_mat(root / folder / f"{person}_{date}.mat", content)
    if labels is not None:
        write_mat(root / folder / "label.mat", {"label": np.array([labels], np.float64)})
    for person in eye_of:
        for session in (1, 2, 3):
            write_eye(root / "eye_tracking_feature", person, session)
    return root


def write_eye(folder: Path, person: int, session: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    clips = [eye(person, session, trial) for trial in range(1, 16)]
    path = folder / f"{person}_{session}"
    content = {
        "train_data_eye": np.concatenate(clips[:9]),
        "test_data_eye": np.concatenate(clips[9:]),
    }
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path
