"""One person of a synthetic population: patterns of their own, and how each session measures."""

from dataclasses import dataclass

import numpy as np

from hadua.adapters.datasets.population_maps import EEG_WIDTH, smooth_eeg, smooth_eye, stream
from hadua.adapters.datasets.population_settings import EYE_WIDTH, PopulationSettings
from hadua.adapters.datasets.population_world import Patterns, draw_patterns
from hadua.models.features import FloatArray

PERSON = 2
_SELF, _MEASURE = 0, 1
_ROUGH = 0.5
_PRIVATE_LIMITS = (0.0, 0.99)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """What stays the same about a person in all sessions.

    Args:
        key: Which person of the population.
        patterns: How their states show: the common patterns, deformed.
        turn: `(2, 2)` rotation of their states in the plane of states.
        gaze_loss: Share of windows in which the eye tracker loses them.
    """

    key: int
    patterns: Patterns
    turn: FloatArray
    gaze_loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """How one session turns background units into measured values, for each feature.

    Args:
        gain: Scale of every EEG feature and every eye feature.
        offset: Mean at the session's start.
        drift: What the mean has gained at its end.
    """

    gain: Patterns
    offset: Patterns
    drift: Patterns


def draw_person(seed: int, *, key: int, common: Patterns, settings: PopulationSettings) -> Person:
    """Draw a person; their patterns hold a share of a pattern that nobody else has."""
    rng = stream(seed, PERSON, key, _SELF)
    shares = np.array([settings.eeg_private, settings.eye_private])
    shares = np.clip(shares + settings.private_sd * rng.standard_normal(2), *_PRIVATE_LIMITS)
    own = draw_patterns(rng, beside=common)
    angle = np.deg2rad(settings.sense_sd_deg) * rng.standard_normal()
    c, s = float(np.cos(angle)), float(np.sin(angle))
    a = settings.gaze_loss_shape
    b = a * (1.0 - settings.gaze_loss) / settings.gaze_loss if settings.gaze_loss else np.inf
    loss = float(rng.beta(a, b)) if settings.gaze_loss else 0.0
    patterns = Patterns(
        _mix(common.eeg, own.eeg, float(shares[0])), _mix(common.eye, own.eye, float(shares[1]))
    )
    return Person(key, patterns, np.array([[c, -s], [s, c]]), loss)


def draw_measure(
    seed: int, *, person: Person, session: int, settings: PopulationSettings
) -> Measure:
    """Draw how a session measures: the person's own gain and mean, and the session's on top."""
    own = stream(seed, PERSON, person.key, _MEASURE)
    sitting = stream(seed, PERSON, person.key, _MEASURE, session)
    own_gain, own_offset = _scatter(own, 0.5), _scatter(own, 1.0)
    gain, offset, drift = _scatter(sitting, 0.5), _scatter(sitting, 1.0), _scatter(sitting, 1.0)

    def scale(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.asarray(np.exp(settings.person_gain * x + settings.session_gain * y))

    def centre(x: FloatArray, y: FloatArray) -> FloatArray:
        return settings.person_offset * x + settings.session_offset * y

    return Measure(
        Patterns(scale(own_gain.eeg, gain.eeg), scale(own_gain.eye, gain.eye)),
        Patterns(centre(own_offset.eeg, offset.eeg), centre(own_offset.eye, offset.eye)),
        Patterns(settings.session_drift * drift.eeg, settings.session_drift * drift.eye),
    )


def _mix(common: FloatArray, own: FloatArray, share: float) -> FloatArray:
    return np.asarray(np.sqrt(1.0 - share) * common + np.sqrt(share) * own)


def _scatter(rng: np.random.Generator, rough: float) -> Patterns:
    """`(1, d)` patterns of unit variance, partly smooth, partly different in every feature."""
    a, b = np.sqrt(1.0 - _ROUGH * rough), np.sqrt(_ROUGH * rough)
    eeg = a * smooth_eeg(rng, 1) + b * rng.standard_normal((1, EEG_WIDTH))
    return Patterns(eeg, a * smooth_eye(rng, 1) + b * rng.standard_normal((1, EYE_WIDTH)))
