"""A synthetic world for new participants: a bundle trained on some people, and others to meet.

The bundle is made as `hadua train` makes one, with embeddings and a check set, and kept in a folder
so that a second look at the same seed does not train again.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.population import population
from hadua.calibration.checking import choose_check_set
from hadua.calibration.collected import Collected
from hadua.calibration.dataset import MIN_COVERAGE, Dataset, Statistics, normalise, statistics
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.temperature import fit_temperature
from hadua.calibration.training import TrainedNetwork, logits_of, train
from hadua.calibration.windows import IntArray
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.export import export_bundle
from hadua.models.feature_part import FeaturePart
from hadua.models.features import FeatureSpec, Modality
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
        y: `(n,)` true class, `UNLABELLED` where nobody knows it.
        session: `(n,)` number of the sitting.
        trial: `(n,)` id of the clip.
    """

    windows: Collected
    y: IntArray
    session: IntArray
    trial: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A bundle, the windows that trained it, and the people it meets.

    Args:
        bundle: The bundle.
        source: Windows of the source people, normalised.
        people: Those it meets.
        block: Windows after which a baseline learns in a stream; None for whole trials.
    """

    bundle: Bundle
    source: LabelledWindows
    people: tuple[NewPerson, ...]
    block: int | None = None


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
        put_aside = normalise(_of(data, aside), moments)
        make_bundle(path, windows, put_aside, Making(data.classes, features.specs, moments), seed)
    people_met = tuple(person_of(_of(data, np.array([k])), HOP_S) for k in met[:new])
    return World(load_bundle(path), windows, people_met)


@dataclass(frozen=True, slots=True, eq=False)
class Making:
    """What a bundle is made of beside windows.

    Args:
        classes: Class names.
        specs: Features of each modality.
        moments: What normalised the windows.
        epochs: Of the training.
        name: Of the bundle.
    """

    classes: tuple[str, ...]
    specs: Mapping[Modality, FeatureSpec]
    moments: Statistics
    epochs: int = EPOCHS
    name: str = "synthetic-participants"


def make_bundle(
    path: Path, windows: LabelledWindows, aside: LabelledWindows | None, of: Making, seed: int
) -> None:
    """Train and export, whole or not at all; people put aside give temperature and check set."""
    trained = train(
        windows,
        n_classes=len(of.classes),
        context=CONTEXT,
        seed=seed,
        recipe=replace(SOURCE_RECIPE, epochs=of.epochs),
    )
    embeddings, _ = carried(trained, windows, classes=of.classes, seed=seed)
    moments = zip(MODALITIES, of.moments.mean, of.moments.std, strict=True)
    half_made = path.with_name(f"half-made-{os.getpid()}-{path.name}")
    export_bundle(
        trained.network,
        path=half_made,
        description=Description(
            name=of.name,
            version="1",
            classes=of.classes,
            features={m: FeaturePart.of(spec) for m, spec in of.specs.items()},
            normalisation={
                m: NormalisationPart(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
                for m, mean, std in moments
                if m in of.specs
            },
            context=CONTEXT,
            temperature=1.0 if aside is None else _temperature(trained, aside),
            demo=True,
            licence="BSD-3-Clause",
        ),
        card=f"# {of.name}\n",
        source_statistics=embeddings,
        check_set=None if aside is None else choose_check_set(aside, windows=CHECK_WINDOWS),
    )
    half_made.rename(path)


def _temperature(trained: TrainedNetwork, aside: LabelledWindows) -> float:
    rows, logits = logits_of(trained, aside)
    return round(fit_temperature(logits, aside.y[rows]), 4)


def _of(data: Dataset, people: IntArray) -> Dataset:
    return data.pick(np.isin(data.subject, people))


def person_of(data: Dataset, hop_s: float) -> NewPerson:
    """Windows with the times at which they would have come: a hole between trials."""
    holes = np.cumsum(np.r_[False, np.diff(data.stretch) != 0]) * 2
    end_s = (np.arange(len(data)) + holes) * hop_s
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
