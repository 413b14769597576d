"""Windows whose values say which window they are, and people who can be told apart."""

import numpy as np

from hadua.calibration.labelled import IntArray, LabelledWindows
from hadua.calibration.windows import Windows


def numbered(lengths: list[int], *, first: int = 0, d_eye: int = 1) -> Windows:
    """Windows whose features are their stretch (EEG) and their place in it (eye), from 1 on."""
    stretch = np.repeat(np.arange(len(lengths)), lengths) + first
    place = np.concatenate([np.arange(1, n + 1) for n in lengths])
    n = len(stretch)
    return Windows(
        (stretch[:, None] + 1).astype(np.float32),
        np.repeat(place[:, None], d_eye, axis=1).astype(np.float32),
        np.ones((n, 2), np.bool_),
        np.zeros(n, np.int64),
        np.ones(n, np.int64),
        stretch,
    )


def people(
    n: int, *, seed: int, d_eeg: int = 6, d_eye: int = 4, separable: bool = True
) -> LabelledWindows:
    """Three classes in runs of 20 windows, each with a mean of its own in either modality."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(0).normal(0.0, 1.5, (3, d_eeg + d_eye))
    y = np.repeat(np.tile(rng.permutation(3), 4 * n), 20)
    x = means[y] + rng.normal(size=(len(y), d_eeg + d_eye))
    labels = y if separable else rng.permutation(y)
    person = np.repeat(np.arange(n), 240)
    windows = Windows(
        x[:, :d_eeg].astype(np.float32),
        x[:, d_eeg:].astype(np.float32),
        np.tile(np.array([d_eeg > 0, d_eye > 0]), (len(y), 1)),
        person,
        np.ones_like(person),
        person,
    )
    return LabelledWindows(windows, labels)


def without(data: LabelledWindows, modality: int) -> LabelledWindows:
    """The same with EEG (0) or eyes (1) never measured."""
    w = data.windows
    present = w.present.copy()
    present[:, modality] = False
    x = [w.x_eeg, w.x_eye]
    x[modality] = np.zeros_like(x[modality])
    return LabelledWindows(Windows(x[0], x[1], present, w.subject, w.session, w.stretch), data.y)


def relabelled(data: LabelledWindows, y: IntArray) -> LabelledWindows:
    """The same windows under other labels."""
    return LabelledWindows(data.windows, y)
