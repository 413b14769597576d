"""From collected windows to what a network takes, and from a person's statistics to a profile's."""

from collections.abc import Mapping

import numpy as np

from hadua.calibration.collected import MODALITIES, Collected
from hadua.calibration.person import PersonStatistics
from hadua.calibration.windows import IntArray, Windows
from hadua.models.bundle import Normalisation
from hadua.models.errors import CalibrationError
from hadua.models.features import FloatArray, Modality
from hadua.models.runtime import Float32Array

CLIP_SD = 8.0
"""Normalised values are clipped to so many deviations, as the live path clips them."""
MOST_CONSTANT = 0.5
"""Share of a modality's features that may be the same in every window."""
_STRETCH_HOPS = 1.5
_PERSON, _SITTING = 0, 1


def as_windows(
    collected: Collected, prior: Mapping[Modality, Normalisation], *, hop_s: float
) -> Windows:
    """Normalise what was collected; a hole in the grid of windows begins a new stretch.

    Args:
        collected: Windows as measured.
        prior: What each modality was normalised by when they were served.
        hop_s: Distance of two windows.

    Raises:
        CalibrationError: nothing was measured, or most features of a modality never change.
    """
    windows = normalised(collected, prior, stretch=stretches(collected.end_s, hop_s=hop_s))
    if not windows.present.any():
        raise CalibrationError("collected windows", got="none in which anything was measured")
    for k, (m, values) in enumerate(_tables(collected)):
        _require_change(values[windows.present[:, k]], m)
    return windows


def normalised(
    collected: Collected, by: Mapping[Modality, Normalisation], *, stretch: IntArray
) -> Windows:
    """Windows as a network takes them, whatever is in them.

    Args:
        collected: Windows as measured.
        by: What normalises each modality.
        stretch: `(n,)` id of the stretch of each.
    """
    tables = _tables(collected)
    n = len(collected)
    x_eeg, x_eye = (_normalised(values, by.get(m)) for m, values in tables)
    return Windows(
        x_eeg,
        x_eye,
        np.stack([np.isfinite(values).any(axis=1) for _, values in tables], axis=1),
        np.full(n, _PERSON, np.int64),
        np.full(n, _SITTING, np.int64),
        stretch,
    )


def stretches(end_s: FloatArray, *, hop_s: float) -> IntArray:
    """`(n,)` ids: a new one after every hole, and where a clock began anew."""
    steps = np.diff(end_s)
    holes = (steps > _STRETCH_HOPS * hop_s) | (steps <= 0.0)
    return np.cumsum(np.r_[False, holes][: len(end_s)]).astype(np.int64)


def own_normalisation(
    windows: Windows, prior: Mapping[Modality, Normalisation], *, prior_windows: float
) -> dict[Modality, Normalisation]:
    """What normalises the person's features from now on, in the units of the features.

    Args:
        windows: What `as_windows` gave, of one person and sitting.
        prior: What it normalised by.
        prior_windows: As in `PersonStatistics.of`.
    """
    statistics = PersonStatistics.of(windows, prior_windows=prior_windows)
    own = statistics.moments[_PERSON, _SITTING]
    return {
        m: Normalisation(prior[m].mean + prior[m].std * mean, prior[m].std * std)
        for m, (mean, std) in zip(MODALITIES, own, strict=True)
        if m in prior
    }


def _tables(collected: Collected) -> tuple[tuple[Modality, Float32Array], ...]:
    return (Modality.EEG, collected.eeg), (Modality.EYE, collected.eye)


def _normalised(values: Float32Array, prior: Normalisation | None) -> Float32Array:
    if prior is None:
        return values
    z = np.clip(prior.apply(values.astype(np.float64)), -CLIP_SD, CLIP_SD)
    return np.where(np.isfinite(values), z, 0.0).astype(np.float32)


def _require_change(values: Float32Array, modality: Modality) -> None:
    if not len(values) or not values.shape[1]:
        return
    measured = np.isfinite(values)
    low = np.where(measured, values, np.inf).min(axis=0)
    high = np.where(measured, values, -np.inf).max(axis=0)
    constant = float((high <= low).mean())
    if constant > MOST_CONSTANT:
        raise CalibrationError(
            f"collected windows: {modality}",
            got=f"{constant:.0%} of the features are the same in every window",
            expected=f"{MOST_CONSTANT:.0%} at most",
            hint="Is the device on, and is the stream live?",
        )
