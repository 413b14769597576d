"""Small data sets, learners that remember what they were given, and a registry of methods."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hadua.calibration.chance import seeded
from hadua.calibration.dataset import Dataset
from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.person import PersonStatistics
from hadua.calibration.stretches import fused_of_windows, logits_of_windows
from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import FloatArray

CLASSES = ("calm", "tense", "glad")
N_EEG, N_EYE = 6, 4


def dataset(
    *, people: int = 4, sessions: int = 2, trials: int = 6, windows: int = 4, seed: int = 0
) -> Dataset:
    """People whose features lie around their class's mean and their own; stimuli are shared."""
    rng = np.random.default_rng(seed)
    grid = [(p, s, t) for p in range(people) for s in range(sessions) for t in range(trials)]
    per_trial = np.array(grid, np.int64)
    subject, session, trial = np.repeat(per_trial, windows, axis=0).T
    stimulus = session * trials + trial
    y = stimulus % len(CLASSES)
    means = rng.standard_normal((len(CLASSES), N_EEG + N_EYE)) * 2.0
    own = rng.standard_normal((people, N_EEG + N_EYE))
    x = means[y] + own[subject] + rng.standard_normal((len(y), N_EEG + N_EYE))
    x[::17, N_EEG:] = np.nan  # the eye tracker loses the eyes now and then
    return Dataset(
        classes=CLASSES,
        people=tuple(f"P{k + 1}" for k in range(people)),
        eeg=x[:, :N_EEG].astype(np.float32),
        eye=x[:, N_EEG:].astype(np.float32),
        y=y,
        subject=subject,
        session=session + 1,
        stretch=np.repeat(np.arange(len(grid)), windows),
        stimulus=stimulus,
    )


def with_labels(data: Dataset, person: int, change: Callable[[IntArray], IntArray]) -> Dataset:
    """The same data set, but for the labels of one person."""
    y = data.y.copy()
    own = data.subject == person
    y[own] = change(y[own])
    return replace(data, y=y)


def stream(lengths: list[int], *, sessions: list[int] | None = None) -> Windows:
    """Trials of one person whose first EEG feature is the window's own index."""
    n = sum(lengths)
    session = np.repeat(sessions or [1] * len(lengths), lengths).astype(np.int64)
    return Windows(
        x_eeg=np.arange(n, dtype=np.float32)[:, None],
        x_eye=np.zeros((n, 0), np.float32),
        present=np.tile([True, False], (n, 1)),
        subject=np.zeros(n, np.int64),
        session=session,
        stretch=np.repeat(np.arange(len(lengths)), lengths).astype(np.int64),
    )


def indices(windows: Windows) -> list[int]:
    """Which windows of a `stream` these are."""
    return [int(v) for v in windows.x_eeg[:, 0]]


@dataclass(eq=False)
class Witness:
    """A learner that notes every call; its logits say how often it had learned."""

    calls: list[tuple[str, Windows]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def learn(self, target: Windows, *, steps: int) -> None:
        self.calls.append(("learn", target))
        self.steps.append(steps)

    def logits(self, windows: Windows) -> FloatArray:
        self.calls.append(("logits", windows))
        x = windows.x_eeg[:, 0].astype(np.float64)
        return np.stack((x, np.full(len(x), float(len(self.steps)))), axis=1)

    def fused(self, windows: Windows) -> FloatArray:
        return np.zeros((len(windows), 384))


class Shifting:
    """The source network on the person's z-scores; it draws, so that a shared learner shows."""

    def __init__(self, start: Start, seed: int) -> None:
        self._network = copy.deepcopy(start.network)
        self._statistics = PersonStatistics({})
        self._rng = np.random.default_rng(seed)
        self._gain = 1.0

    def learn(self, target: Windows, *, steps: int) -> None:
        self._statistics = PersonStatistics.of(target, prior_windows=4.0)
        self._gain += 0.01 * steps * float(self._rng.random())

    def logits(self, windows: Windows) -> FloatArray:
        with seeded(0):
            own = self._statistics.apply(windows)
            return self._gain * logits_of_windows(self._network, own)

    def fused(self, windows: Windows) -> FloatArray:
        return fused_of_windows(self._network, self._statistics.apply(windows))


def begin_shifting(start: Start, seed: int) -> Learner:
    return Shifting(start, seed)


def begin_failing(start: Start, seed: int) -> Learner:
    raise ZeroDivisionError(f"a fault of this method with seed {seed}")


METHODS = (
    Method("source-only", "Source", begin_shifting, normalisation="source", context=1),
    Method("ours", "Ours", begin_shifting, settings={"gain": 0.01}),
    Method("failing", "Failing", begin_failing),
)


def constant(y: IntArray) -> IntArray:
    return np.zeros_like(y)


def nothing(y: IntArray) -> IntArray:
    return np.full_like(y, UNLABELLED)


def noise(y: IntArray) -> IntArray:
    return np.random.default_rng(99).integers(0, len(CLASSES), len(y))


def write_official(root: Path, data: Dataset, *, eye: bool = True) -> Path:
    """Write a data set as the authors' export: a file per person and modality."""
    for k in range(len(data.people)):
        own = data.subject == k
        features = {"EEG": data.eeg[own]} | ({"EYE": data.eye[own]} if eye else {})
        for name, values in (*features.items(), ("Label", data.y[own])):
            (root / name).mkdir(parents=True, exist_ok=True)
            np.save(root / name / f"{k + 1}.npy", np.nan_to_num(values))
    return root
