"""A bundle's check set: choosing it from validation people, and asking a network about it."""

import numpy as np

from hadua.calibration.labelled import UNLABELLED, IntArray, LabelledWindows
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.windows import Windows
from hadua.models.check_set import CheckSet
from hadua.models.network import HaduaNetwork

PIECE = 20
"""Windows of a piece that is taken whole, so that a network sees the past of most of them."""


def choose_check_set(data: LabelledWindows, *, windows: int) -> CheckSet | None:
    """Take pieces of stretches in turn from every person and class.

    Args:
        data: Windows of people who did not train the network, as it takes them.
        windows: About how many to take.

    Returns:
        The same for the same data; None if no window has a label.
    """
    pieces = _pieces(data)
    if not pieces:
        return None
    kinds = [(int(data.windows.subject[p[0]]), _commonest(data.y[p])) for p in pieces]
    turn = [kinds[:k].count(kind) for k, kind in enumerate(kinds)]
    taken: list[IntArray] = []
    for k in np.argsort(np.array(turn), kind="stable").tolist():
        if sum(map(len, taken)) >= windows:
            break
        taken.append(pieces[k])
    rows = np.concatenate(taken)
    own = data.windows
    stretch = np.repeat(np.arange(len(taken), dtype=np.int64), [len(p) for p in taken])
    return CheckSet(own.x_eeg[rows], own.x_eye[rows], own.present[rows], data.y[rows], stretch)


def check_accuracy(network: HaduaNetwork, check: CheckSet) -> float:
    """Share of the check set's windows that a network in evaluation mode gets right."""
    one = np.ones_like(check.y)
    windows = Windows(check.eeg, check.eye, check.present, one, one, check.stretch)
    return float((logits_of_windows(network, windows).argmax(axis=1) == check.y).mean())


def _pieces(data: LabelledWindows) -> list[IntArray]:
    """Rows of pieces of one stretch, all labelled and measured."""
    own = data.windows
    usable = (data.y != UNLABELLED) & own.present.any(axis=1)
    rows = np.flatnonzero(usable)
    breaks = np.flatnonzero((np.diff(rows) > 1) | (np.diff(own.stretch[rows]) != 0)) + 1
    runs = np.split(rows, breaks) if len(rows) else []
    return [run[k : k + PIECE] for run in runs for k in range(0, len(run), PIECE)]


def _commonest(y: IntArray) -> int:
    return int(np.bincount(y).argmax())
