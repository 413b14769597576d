"""A synthetic world for new participants: a bundle trained on some people, and others to meet.

The bundle is made as `hadua train` makes one, with embeddings and a check set, and kept in a folder
so that a second look at the same seed does not train again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.population import population
from hadua.calibration.checking import choose_check_set
from hadua.calibration.collected import Collected
from hadua.calibration.dataset import MIN_COVERAGE, Dataset, Statistics, normalise, statistics
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.temperature import fit_temperature
from hadua.calibration.training import logits_of, train
from hadua.calibration.windows import IntArray
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.export import export_bundle
from hadua.models.feature_part import FeaturePart
from hadua.models.features import Modality
from hadua.models.manifest import Description, NormalisationPart
from hadua.models.runtime import Float32Array
from hadua.service.evaluation.plan import SOURCE_RECIPE
from hadua.service.evaluation.sets import as_dataset
from hadua.service.training.answers import carried
from hadua.service.training.run import CHECK_WINDOWS

MODALITIES = (Modality.EEG, Modality.EYE)
N_SOURCE, N_VALIDATION, N_NEW = 14, 2, 10
CONTEXT = 8
HOP_S = 4.0
EPOCHS = 10


@dataclass(frozen=True, slots=True, eq=False)
class NewPerson:
    """Somebody whom nobody trained on, and, beside their windows, the truth to score by.

    Args:
        windows: As measured, in recorded order.
        y: `(n,)` true class.
        session: `(n,)` number of the sitting.
        trial: `(n,)` id of the clip.
    """

    windows: Collected
    y: IntArray
    session: IntArray
    trial: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A bundle, the windows that trained it, and the people it meets."""

    bundle: Bundle
    source: LabelledWindows
    people: tuple[NewPerson, ...]


def world(seed: int, folder: Path, *, new: int = N_NEW) -> World:
    """The world of a seed.

    Args:
        seed: Of the population, the training, and the embeddings.
        folder: Where the bundle is kept, or made if it is not there.
        new: How many people to meet, of `N_NEW`.
    """
    features = population(seed, people=N_SOURCE + N_VALIDATION + N_NEW)
    data = as_dataset(features)
    people = np.unique(data.subject)
    met, aside, source = np.split(people, (N_NEW, N_NEW + N_VALIDATION))
    training = _of(data, source)
    moments = statistics(training)
    windows = normalise(training, moments)
    path = folder / f"population-{seed}"
    if not path.exists():
        _train(path, windows, normalise(_of(data, aside), moments), moments, data, seed)
    people_met = tuple(_person(_of(data, np.array([k]))) for k in met[:new])
    return World(load_bundle(path), windows, people_met)


def _train(
    path: Path,
    windows: LabelledWindows,
    aside: LabelledWindows,
    moments: Statistics,
    data: Dataset,
    seed: int,
) -> None:
    trained = train(
        windows,
        n_classes=len(data.classes),
        context=CONTEXT,
        seed=seed,
        recipe=replace(SOURCE_RECIPE, epochs=EPOCHS),
    )
    rows, logits = logits_of(trained, aside)
    embeddings, _ = carried(trained, windows, classes=data.classes, seed=seed)
    specs = population(seed, people=1, sessions=1).specs
    export_bundle(
        trained.network,
        path=path,
        description=Description(
            name="synthetic-participants",
            version="1",
            classes=data.classes,
            features={m: FeaturePart.of(spec) for m, spec in specs.items()},
            normalisation={
                m: NormalisationPart(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
                for m, mean, std in zip(MODALITIES, moments.mean, moments.std, strict=True)
            },
            context=CONTEXT,
            temperature=round(fit_temperature(logits, aside.y[rows]), 4),
            demo=True,
            licence="BSD-3-Clause",
        ),
        card="# A synthetic population\n",
        source_statistics=embeddings,
        check_set=choose_check_set(aside, windows=CHECK_WINDOWS),
    )


def _of(data: Dataset, people: IntArray) -> Dataset:
    return data.pick(np.isin(data.subject, people))


def _person(data: Dataset) -> NewPerson:
    """Windows with the times at which they would have come: a hole between trials."""
    holes = np.cumsum(np.r_[False, np.diff(data.stretch) != 0]) * 2
    end_s = (np.arange(len(data)) + holes) * HOP_S
    tables = [
        _measured(x, least) for x, least in zip((data.eeg, data.eye), MIN_COVERAGE, strict=True)
    ]
    quality = np.stack([np.isfinite(x).any(axis=1) for x in tables], axis=1).astype(np.float32)
    collected = Collected(end_s, tables[0], tables[1], quality)
    return NewPerson(collected, data.y, data.session, data.stretch)


def _measured(values: Float32Array, least: float) -> Float32Array:
    """Windows of which too little was measured count as not measured at all."""
    enough = np.isfinite(values).mean(axis=1) >= least
    return np.where(enough[:, None], values, np.nan).astype(np.float32)
