"""Small worlds of people whose classes are known, for learners that must cope with a shift."""

from functools import cache

import numpy as np
import numpy.typing as npt

from hadua.calibration.batches import Augmentation
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.learner import Start
from hadua.calibration.training import Recipe, train
from hadua.calibration.windows import Windows

STRETCH = 6
N_CLASSES = 2
Senses = tuple[bool, bool]
BOTH, EEG_ONLY, EYE_ONLY = (True, True), (True, False), (False, True)
WIDTHS = (6, 4)


def people(
    seed: int,
    *,
    n_people: int = 1,
    n_stretches: int = 20,
    senses: Senses = BOTH,
    turn_deg: float = 0.0,
    noise: float = 0.3,
    first_person: int = 0,
    rare: int = 2,
) -> LabelledWindows:
    """People of two classes that lie at +1 and -1 of the first axis, in noise.

    Args:
        seed: Start of the noise.
        n_people: How many.
        n_stretches: Of each, every one of a single class.
        senses: Which of EEG and eye there are.
        turn_deg: How far the axis of the classes is turned toward the second feature.
        noise: Standard deviation of every feature.
        first_person: Index of the first.
        rare: Every how many stretches the second class comes.
    """
    rng = np.random.default_rng(seed)
    n = n_people * n_stretches * STRETCH
    stretch = np.arange(n) // STRETCH
    y = (stretch % rare == rare - 1).astype(np.int64)
    axis = np.array([np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))])
    tables = []
    for there, width in zip(senses, WIDTHS, strict=True):
        x = noise * rng.standard_normal((n, width if there else 0))
        if there:
            x[:, :2] += np.outer(2.0 * y - 1.0, axis)
        tables.append(x.astype(np.float32))
    person = first_person + stretch // n_stretches
    present = np.tile(np.array(senses), (n, 1))
    windows = Windows(tables[0], tables[1], present, person, np.ones(n, np.int64), stretch)
    return LabelledWindows(windows, y)


@cache
def start(*, context: int = 3, senses: Senses = BOTH) -> Start:
    """A network trained on four people, the same for every test that asks."""
    source = people(0, n_people=4, senses=senses, noise=0.5, first_person=10)
    recipe = Recipe(epochs=6, batch=48, rate=1e-3, augmentation=Augmentation(shift_sd=0.0))
    trained = train(source, n_classes=N_CLASSES, context=context, seed=0, recipe=recipe)
    return Start(trained.network, source)


def moved(
    windows: Windows, *, offset: float = 0.0, gain: float = 1.0, missing: float = 0.0, seed: int = 0
) -> Windows:
    """The same windows on another level and scale, and with some modalities missing."""
    present = windows.present & (np.random.default_rng(seed).random((len(windows), 2)) >= missing)
    x_eeg, x_eye = (
        _masked(gain * x + offset, present[:, k])
        for k, x in enumerate((windows.x_eeg, windows.x_eye))
    )
    return Windows(x_eeg, x_eye, present, windows.subject, windows.session, windows.stretch)


def accuracy(logits: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> float:
    """Share of windows whose greatest logit is that of their class."""
    return float((logits.argmax(axis=1) == y).mean())


def _masked(x: npt.NDArray[np.float32], there: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    return np.where(there[:, None], x, 0.0).astype(np.float32)
