"""Who is simulated: one person's traits, and how emotion moves each of them.

All people share the directions in which an emotional state moves a measure; how strongly it does,
and a part of the pattern, are each person's own. So what is learned from some people carries over
to others, but not perfectly. The directions are inspired by what is reported for film clips
(Zheng and Lu 2015, doi:10.1109/TAMD.2015.2431497; Davidson 1992 for frontal alpha asymmetry); the
sizes are made up. Nothing here is evidence about emotion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from hadua.adapters.sources.simulated_scalp import SCALP_MAPS, smooth_map
from hadua.adapters.sources.simulated_states import STATES, State
from hadua.models.features import FloatArray

RHYTHMS = ("delta", "theta", "alpha", "beta", "gamma")

# Change of log power, by state, rhythm and region, shared by all people.
SHARED_EFFECTS: tuple[tuple[State, str, str, float], ...] = (
    ("negative", "delta", "posterior", 0.40),
    ("negative", "theta", "frontal-midline", 0.40),
    ("negative", "alpha", "frontal-left", 0.25),
    ("negative", "alpha", "frontal-right", -0.45),
    ("negative", "gamma", "prefrontal", 0.60),
    ("neutral", "alpha", "posterior", 0.35),
    ("positive", "alpha", "frontal-left", -0.45),
    ("positive", "alpha", "frontal-right", 0.25),
    ("positive", "beta", "temporal", 0.70),
    ("positive", "gamma", "temporal", 1.00),
)

# Factor on fixation duration and blink rate, and millimetres of pupil, shared by all people.
_FIXATION = {"negative": 1.25, "neutral": 1.0, "positive": 0.82}
_BLINKS = {"negative": 1.45, "neutral": 1.0, "positive": 0.70}
_PUPIL_MM = {"negative": 0.30, "neutral": 0.0, "positive": 0.18}
_SACCADE = {"negative": 0.88, "neutral": 1.0, "positive": 1.20}

_TAG = 0x9E45


@dataclass(frozen=True, slots=True)
class EyeTraits:
    """What the eyes of a person do in one emotional state."""

    fixation_s: float
    blinks_per_min: float
    pupil_mm: float
    saccade_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """The traits of one simulated participant, all drawn from `number`.

    Args:
        number: Who it is.
        slope: Exponent of the 1/f background.
        level: `(62,)` log of the background's power at 1 Hz, microvolt^2/Hz.
        alpha_hz: Frequency of the alpha peak.
        peaks: `(3, 62)` power of theta, alpha and beta at their peaks, in units of the background.
        effects: `(3, 5, 62)` change of log power by state, rhythm and channel.
        blink_uv: Size of a blink at the frontal pole.
        eyes: Traits of the eyes by state.
        anisocoria_mm: Left minus right pupil.
        gaze_noise_deg: Tracker noise of each eye, standard deviation.
    """

    number: int
    slope: float
    level: FloatArray
    alpha_hz: float
    peaks: FloatArray
    effects: FloatArray
    blink_uv: float
    eyes: Mapping[str, EyeTraits]
    anisocoria_mm: float
    gaze_noise_deg: float


@cache
def make_person(number: int) -> Person:
    """The person with this number; always the same one."""
    rng = np.random.default_rng([_TAG, number])
    level = np.log(22.0) + rng.normal(0, 0.25) + 0.30 * smooth_map(rng)
    return Person(
        number=number,
        slope=float(rng.uniform(0.95, 1.25)),
        level=level + rng.normal(0, 0.08, level.size),
        alpha_hz=float(np.clip(rng.normal(10.2, 0.7), 8.8, 11.8)),
        peaks=_peaks(rng),
        effects=_effects(rng),
        blink_uv=float(rng.uniform(80, 140)),
        eyes=_eyes(rng),
        anisocoria_mm=float(rng.normal(0, 0.08)),
        gaze_noise_deg=float(rng.uniform(0.03, 0.06)),
    )


def _peaks(rng: np.random.Generator) -> FloatArray:
    heights = (("frontal-midline", 1.5), ("posterior", 8.0), ("central", 1.2))
    rows = [SCALP_MAPS[name] * size * rng.lognormal(0, 0.3) + 0.15 for name, size in heights]
    return np.stack(rows)


def _effects(rng: np.random.Generator) -> FloatArray:
    effects = np.zeros((len(STATES), len(RHYTHMS), SCALP_MAPS["posterior"].size))
    for state, rhythm, region, size in SHARED_EFFECTS:
        own = size * max(0.25, rng.normal(1.0, 0.3))
        effects[STATES.index(state), RHYTHMS.index(rhythm)] += own * SCALP_MAPS[region]
    for pattern in effects.reshape(-1, effects.shape[-1]):
        pattern += 0.10 * smooth_map(rng)
    return effects


def _eyes(rng: np.random.Generator) -> Mapping[str, EyeTraits]:
    fixation_s, blinks = rng.uniform(0.24, 0.36), rng.uniform(9, 20)
    pupil_mm, saccade_deg = rng.uniform(2.8, 4.4), rng.uniform(3.5, 5.5)
    how = np.maximum(0.3, rng.normal(1.0, 0.3, 4))
    return {
        state: EyeTraits(
            fixation_s=fixation_s * _FIXATION[state] ** how[0],
            blinks_per_min=blinks * _BLINKS[state] ** how[1],
            pupil_mm=pupil_mm + _PUPIL_MM[state] * how[2],
            saccade_deg=saccade_deg * _SACCADE[state] ** how[3],
        )
        for state in STATES
    }
