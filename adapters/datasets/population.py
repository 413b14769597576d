"""A synthetic benchmark population: people whose features shift as those of real people do.

It draws features, not signals, and knows of no extractor, network or adaptation method. The model
and every constant are explained in `docs/population.md`. Same seed, same bytes; a person's data
do not depend on how many people or sessions there are.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from hadua.adapters.datasets.feature_set import FeatureSet, FeatureTrial
from hadua.adapters.datasets.population_faults import (
    draw_bad_electrodes,
    draw_gaze_gaps,
    fail_electrodes,
)
from hadua.adapters.datasets.population_maps import stream
from hadua.adapters.datasets.population_person import (
    PERSON,
    Measure,
    Person,
    draw_measure,
    draw_person,
)
from hadua.adapters.datasets.population_settings import (
    BANDS,
    CLASSES,
    EYE_WIDTH,
    PopulationSettings,
)
from hadua.adapters.datasets.population_trial import draw_trial
from hadua.adapters.datasets.population_world import (
    Clip,
    Patterns,
    common_patterns,
    session_clips,
)
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import InvalidInputError
from hadua.models.features import FeatureSpec, Modality

DEFAULT_SETTINGS = PopulationSettings()

_ORDER, _FAULTS, _TRIALS = 2, 3, 4
_FEWEST, _MOST = 0.2, 0.53
_ORDERS_TRIED = 32
_BAND_MEAN_NATS = np.array([3.4, 2.7, 2.4, 2.0, 1.6])
_NATS = 0.3
_DECIMALS = 6  # linear algebra differs in the last bits from machine to machine


def population(
    seed: int,
    *,
    people: int = 15,
    sessions: int = 3,
    trials: int = 15,
    windows: int = 12,
    settings: PopulationSettings = DEFAULT_SETTINGS,
) -> FeatureSet:
    """Draw a population.

    Args:
        seed: Whatever is drawn depends on it alone.
        people: How many people.
        sessions: Sittings of each.
        trials: Film clips of each sitting, at least 5.
        windows: Mean number of windows of a clip; clips differ by a quarter either way.
        settings: How hard it is.

    Raises:
        InvalidInputError: If a count is too small.
    """
    _check(people=people, sessions=sessions, trials=trials, windows=windows)
    common = common_patterns(seed)
    per_class = round(_MOST * trials)
    clips = [
        session_clips(seed, session=s, per_class=per_class, windows=windows, settings=settings)
        for s in range(1, sessions + 1)
    ]
    drawn: list[FeatureTrial] = []
    for k in range(people):
        person = draw_person(seed, key=k, common=common, settings=settings)
        for s, pool in enumerate(clips, start=1):
            drawn += _session(
                seed, person=person, session=s, pool=pool, trials=trials, settings=settings
            )
    return FeatureSet(
        name="synthetic-population",
        classes=CLASSES,
        specs=_SPECS,
        people=tuple(f"P{k + 1:02d}" for k in range(people)),
        trials=tuple(drawn),
        provenance=(
            f"Synthetic benchmark population, seed {seed}: {people} people x {sessions} sessions "
            f"x {trials} trials.",
            f"Settings: {settings}.",
            "Drawn from a random model of features; it shows nothing about real people.",
        ),
        hashes={},
        licence="none: drawn at random",
    )


def class_counts(rng: np.random.Generator, *, trials: int) -> tuple[int, ...]:
    """Draw how many trials each class has: every class a fifth, none much over a half."""
    fewest, most = max(1, round(_FEWEST * trials)), round(_MOST * trials)
    rest = len(CLASSES) - 1
    choices = [
        (a, b, trials - a - b)
        for a in range(fewest, most + 1)
        for b in range(fewest, most + 1)
        if rest and fewest <= trials - a - b <= most
    ]
    return choices[int(rng.integers(len(choices)))]


def _session(
    seed: int,
    *,
    person: Person,
    session: int,
    pool: Sequence[Clip],
    trials: int,
    settings: PopulationSettings,
) -> list[FeatureTrial]:
    measure = draw_measure(seed, person=person, session=session, settings=settings)
    clips = _shown(stream(seed, PERSON, person.key, _ORDER, session), pool, trials)
    faults = stream(seed, PERSON, person.key, _FAULTS, session)
    bad = draw_bad_electrodes(faults, trials=trials, settings=settings)
    n = sum(clip.windows for clip in clips)
    lost = draw_gaze_gaps(faults, n=n, loss=person.gaze_loss, settings=settings)
    mean = np.tile(_BAND_MEAN_NATS, len(SEED_62))
    done, start = [], 0
    for t, clip in enumerate(clips):
        rng = stream(seed, PERSON, person.key, _TRIALS, session, t)
        raw = draw_trial(rng, person=person, clip=clip, settings=settings)
        values = _measured(raw, measure=measure, start=start, n=n)
        eeg = fail_electrodes(values.eeg, bad=bad, trial=t, rng=faults, settings=settings)
        gap = lost[start : start + clip.windows, None]
        start += clip.windows
        done.append(
            FeatureTrial(
                subject=person.key,
                session=session,
                trial=t + 1,
                stimulus=clip.name,
                values={
                    Modality.EEG: (mean + _NATS * eeg).round(_DECIMALS),
                    Modality.EYE: np.where(gap, np.nan, values.eye).round(_DECIMALS),
                },
                y=np.full(clip.windows, clip.label, np.int64),
                where=f"P{person.key + 1:02d} session {session} trial {t + 1}",
            )
        )
    return done


def _measured(raw: Patterns, *, measure: Measure, start: int, n: int) -> Patterns:
    """Apply the session's gain, mean and drift to windows `start` and on of its `n`."""
    progress = (start + np.arange(len(raw.eeg))[:, None]) / max(n - 1, 1)
    return Patterns(
        measure.gain.eeg * raw.eeg + measure.offset.eeg + progress * measure.drift.eeg,
        measure.gain.eye * raw.eye + measure.offset.eye + progress * measure.drift.eye,
    )


def _shown(rng: np.random.Generator, pool: Sequence[Clip], trials: int) -> list[Clip]:
    """Draw the clips of a session, in an order that rarely repeats a class."""
    chosen: list[Clip] = []
    for label, count in enumerate(class_counts(rng, trials=trials)):
        of_class = [clip for clip in pool if clip.label == label]
        chosen += [of_class[int(k)] for k in rng.choice(len(of_class), count, replace=False)]
    orders = [rng.permutation(trials) for _ in range(_ORDERS_TRIED)]
    best = min(orders, key=lambda order: _repeats([chosen[int(k)].label for k in order]))
    return [chosen[int(k)] for k in best]


def _repeats(labels: Sequence[int]) -> int:
    return sum(a == b for a, b in pairwise(labels))


def _check(**counts: int) -> None:
    lowest = {"people": 1, "sessions": 1, "trials": 5, "windows": 2}
    for name, n in counts.items():
        if n < lowest[name]:
            raise InvalidInputError(
                f"synthetic population: {name!r}", got=str(n), expected=f"at least {lowest[name]}"
            )


_SPECS = {
    Modality.EEG: FeatureSpec(
        modality=Modality.EEG,
        definition="synthetic-de",
        version=1,
        names=tuple(f"{channel}:{band}" for channel in SEED_62 for band in BANDS),
        window_s=4.0,
        hop_s=4.0,
    ),
    Modality.EYE: FeatureSpec(
        modality=Modality.EYE,
        definition="synthetic-eye",
        version=1,
        names=tuple(f"synthetic:{k + 1:02d}" for k in range(EYE_WIDTH)),
        window_s=4.0,
        hop_s=4.0,
    ),
}
