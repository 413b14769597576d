"""Pieces of a made-up stream: some features, a class, a place in time."""

import numpy as np
import numpy.typing as npt

from hadua.calibration.buffer import Piece
from hadua.calibration.collected import Collected
from hadua.models.bundle import Normalisation
from hadua.models.features import Modality

WIDTHS = (3, 2)
PLAIN = {
    m: Normalisation(np.zeros(width), np.ones(width))
    for m, width in zip((Modality.EEG, Modality.EYE), WIDTHS, strict=True)
}


def piece(
    label: int = 0,
    *,
    n: int = 6,
    stretch: int = 0,
    start_s: float = 0.0,
    value: float = 0.0,
    place: float = 0.0,
    n_classes: int = 3,
    trusted: int | None = None,
    noise: float = 0.0,
) -> Piece:
    """A piece that is rather sure of its class; every feature is `value`, but for noise."""
    p = np.full(n_classes, 0.2 / (n_classes - 1))
    p[label] = 0.8
    rng = np.random.default_rng(abs(hash((label, stretch, start_s, place))) % 2**32)
    tables = [value + noise * rng.standard_normal((n, width)) for width in WIDTHS]
    return Piece(
        windows(tables[0], tables[1], start_s=start_s), stretch, p, np.full(5, place), trusted
    )


def windows(
    eeg: npt.NDArray[np.float64], eye: npt.NDArray[np.float64], *, start_s: float = 0.0
) -> Collected:
    """Windows, one a second."""
    n = len(eeg)
    return Collected(
        start_s + 1.0 + np.arange(n, dtype=np.float64),
        eeg.astype(np.float32),
        eye.astype(np.float32),
        np.ones((n, 2), np.float32),
    )
