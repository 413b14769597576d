"""What goes wrong in a synthetic recording: electrodes that fail, and an eye tracker that loses."""

from dataclasses import dataclass

import numpy as np

from hadua.adapters.datasets.population_settings import BANDS, PopulationSettings
from hadua.adapters.devices.montage import SEED_62
from hadua.models.features import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class BadElectrode:
    """An electrode that fails for the rest of a session.

    Args:
        channel: Index into the montage.
        first_trial: The trial, from 0, with which it starts.
        flat: Whether nothing is measured; otherwise noise is.
    """

    channel: int
    first_trial: int
    flat: bool


def draw_bad_electrodes(
    rng: np.random.Generator, *, trials: int, settings: PopulationSettings
) -> tuple[BadElectrode, ...]:
    """Draw the electrodes that fail in a session; half of them from its start."""
    n = int(rng.integers(0, settings.bad_electrodes + 1))
    channels = rng.choice(len(SEED_62), n, replace=False)
    starts = np.where(rng.random(n) < 0.5, 0, rng.integers(0, trials, n))
    flat = rng.random(n) < settings.flat_share
    return tuple(
        BadElectrode(int(c), int(t), bool(f))
        for c, t, f in zip(channels, starts, flat, strict=True)
    )


def fail_electrodes(
    eeg: FloatArray,
    *,
    bad: tuple[BadElectrode, ...],
    trial: int,
    rng: np.random.Generator,
    settings: PopulationSettings,
) -> FloatArray:
    """`(n, 310)` as measured in this trial: NaN at flat electrodes, noise on top at noisy ones."""
    out = eeg.copy()
    for electrode in bad:
        noise = settings.bad_noise * rng.standard_normal((len(eeg), len(BANDS)))
        start = electrode.channel * len(BANDS)
        columns = slice(start, start + len(BANDS))
        if trial >= electrode.first_trial:
            out[:, columns] += np.nan if electrode.flat else np.abs(noise)
    return out


def draw_gaze_gaps(
    rng: np.random.Generator, *, n: int, loss: float, settings: PopulationSettings
) -> BoolArray:
    """`(n,)` where the gaze is lost: a two-state Markov chain with that share of lost windows."""
    leave = min(1.0, 1.0 / settings.gaze_gap_windows)
    enter = min(1.0, leave * loss / max(1.0 - loss, 1e-9))
    u = rng.random(n)
    lost = np.zeros(n, np.bool_)
    now = False
    for k in range(n):
        threshold = loss if k == 0 else (1.0 - leave if now else enter)
        now = bool(u[k] < threshold)
        lost[k] = now
    return lost
