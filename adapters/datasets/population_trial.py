"""The windows of one trial, in units of the background: state, patterns, noise, artefacts."""

import numpy as np

from hadua.adapters.datasets.population_maps import (
    EEG_WIDTH,
    WHITE,
    scalp_positions,
    smooth_eeg,
    smooth_eye,
)
from hadua.adapters.datasets.population_person import Person
from hadua.adapters.datasets.population_settings import BANDS, EYE_WIDTH, PopulationSettings
from hadua.adapters.datasets.population_world import STATES, Clip, Patterns
from hadua.models.features import FloatArray


def draw_trial(
    rng: np.random.Generator, *, person: Person, clip: Clip, settings: PopulationSettings
) -> Patterns:
    """`(n_windows, 310)` and `(n_windows, 33)` values before the session's gain and mean."""
    n = clip.windows
    state = _state(rng, person=person, clip=clip, settings=settings)
    only = [_walk(rng, settings.sense_noise_sd, n, settings.state_memory) for _ in range(2)]
    eeg = settings.eeg_signal * (state + only[0]) @ person.patterns.eeg
    eye = settings.eye_signal * (state + only[1]) @ person.patterns.eye
    noise = _noise(rng, n=n, settings=settings)
    eeg_artefact = _artefacts(rng, n=n, settings=settings)
    return Patterns(
        eeg + settings.content * clip.content.eeg + noise.eeg + eeg_artefact,
        eye + settings.content * clip.content.eye + noise.eye,
    )


def remember(fresh: FloatArray, memory: float) -> FloatArray:
    """Turn independent rows into a stationary AR(1) sequence of the same variance."""
    out = np.empty_like(fresh)
    new = np.sqrt(1.0 - memory**2)
    for k, row in enumerate(fresh):
        out[k] = row if k == 0 else memory * out[k - 1] + new * row
    return out


def _walk(rng: np.random.Generator, sd: float, n: int, memory: float) -> FloatArray:
    return sd * remember(rng.standard_normal((n, 2)), memory)


def _state(
    rng: np.random.Generator, *, person: Person, clip: Clip, settings: PopulationSettings
) -> FloatArray:
    """`(n_windows, 2)`: the class's place, times strength and onset, plus a slow drift."""
    n = clip.windows
    strength = clip.strength * np.exp(settings.trial_sd * rng.standard_normal())
    strength *= settings.weak_factor if rng.random() < settings.weak_share else 1.0
    onset = 1.0 - settings.onset * np.exp(-np.arange(n) / settings.onset_windows)
    place = STATES[clip.label] @ person.turn.T
    drift = _walk(rng, settings.state_sd, n, settings.state_memory)
    return np.asarray(strength * onset[:, None] * place + drift)


def _noise(rng: np.random.Generator, *, n: int, settings: PopulationSettings) -> Patterns:
    """Smooth background with memory, an offset of the trial, white noise; all heavy-tailed."""
    memory = settings.background_memory
    size = np.sqrt(settings.tail / rng.chisquare(settings.tail, (n, 1)))
    eeg = remember(smooth_eeg(rng, n), memory) + WHITE * rng.standard_normal((n, EEG_WIDTH))
    eye = remember(smooth_eye(rng, n), memory) + WHITE * rng.standard_normal((n, EYE_WIDTH))
    stay = settings.trial_offset
    return Patterns(size * eeg + stay * smooth_eeg(rng, 1), size * eye + stay * smooth_eye(rng, 1))


def _artefacts(rng: np.random.Generator, *, n: int, settings: PopulationSettings) -> FloatArray:
    """`(n, 310)` blinks (low bands, front) and muscle (high bands, sides); size Student's t."""
    right, front, _ = scalp_positions().T
    low, high = np.linspace(1.0, 0.0, len(BANDS)), np.linspace(0.0, 1.0, len(BANDS))
    blink = np.outer(np.exp(2.0 * (front - 1.0)), low).ravel()
    muscle = np.outer(np.abs(right), high).ravel()
    hit = rng.random((n, 2)) < settings.artefact_share / 2
    size = settings.artefact * np.abs(rng.standard_t(2.0, (n, 2))) + settings.artefact
    return np.asarray((hit * size) @ np.stack((blink, muscle)))
