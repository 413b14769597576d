"""What all people of a synthetic population share: the patterns of emotion, and the film clips."""

from dataclasses import dataclass

import numpy as np

from hadua.adapters.datasets.population_maps import (
    orthonormal,
    scalp_positions,
    smooth_eeg,
    smooth_eye,
    stream,
)
from hadua.adapters.datasets.population_settings import CLASSES, PopulationSettings
from hadua.models.features import FloatArray

STATES: FloatArray = np.array([[-0.87, -0.5], [0.87, -0.5], [0.0, 1.1]])
"""`(3, 2)` where the classes lie in the plane of states; positive stands a little apart."""

_BAND_WEIGHT = np.array([0.5, 0.6, 0.8, 1.2, 1.2])
_WORLD, _CLIPS = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """How a state of the plane shows in the features.

    Args:
        eeg: `(2, 310)`, for the two directions of the plane.
        eye: `(2, 33)` likewise.
    """

    eeg: FloatArray
    eye: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A film clip, the same for everybody.

    Args:
        name: As in `s1c07`.
        label: Its class.
        windows: How long it lasts.
        strength: How strongly it works.
        content: What it evokes besides emotion: sound, light, movement.
    """

    name: str
    label: int
    windows: int
    strength: float
    content: Patterns


def common_patterns(seed: int) -> Patterns:
    """The patterns that people share, stronger in high bands and at the sides of the head."""
    return draw_patterns(stream(seed, _WORLD))


def draw_patterns(rng: np.random.Generator, *, beside: Patterns | None = None) -> Patterns:
    """Two random patterns for each sense, orthonormal among themselves and to those `beside`."""
    sides = 0.6 + 0.8 * np.abs(scalp_positions()[:, 0])
    envelope = np.outer(sides, _BAND_WEIGHT).ravel()
    eeg, eye = smooth_eeg(rng, 2) * envelope, smooth_eye(rng, 2)
    if beside is None:
        return Patterns(orthonormal(eeg), orthonormal(eye))
    return Patterns(orthonormal(eeg, beside=beside.eeg), orthonormal(eye, beside=beside.eye))


def session_clips(
    seed: int, *, session: int, per_class: int, windows: int, settings: PopulationSettings
) -> tuple[Clip, ...]:
    """The clips from which every person's session is drawn: `per_class` of each class in turn."""
    rng = stream(seed, _CLIPS, session)
    shortest, longest = round(0.75 * windows), round(1.25 * windows)
    clips = []
    for k in range(per_class * len(CLASSES)):
        clips.append(
            Clip(
                name=f"s{session}c{k + 1:02d}",
                label=k % len(CLASSES),
                windows=int(rng.integers(max(shortest, 1), longest + 1)),
                strength=float(np.exp(settings.clip_sd * rng.standard_normal())),
                content=Patterns(smooth_eeg(rng, 1), smooth_eye(rng, 1)),
            )
        )
    return tuple(clips)
