"""Real Muse EEG as new participants: each of its people met by a bundle trained on the others.

Flicker of 30 or 20 Hz was shown; the windows between are of no known class. There are no sittings
that all people have, so the first two fifths of the recordings of each stand for the first.
"""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from participant_world import Making, World, make_bundle, person_of

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.calibration.dataset import Dataset, normalise, statistics
from hadua.calibration.windows import IntArray
from hadua.models.bundle import load_bundle
from hadua.models.features import Modality
from hadua.service.evaluation.sets import as_dataset, from_recordings
from hadua.service.training.sets import muse_ssvep

RECORDINGS = "HADUA_RECORDINGS"
FIRST_SHARE = 0.4
BLOCK = 16
"""Windows, 8 s: a recording lasts minutes, and everything would come too late after it."""
MUSE_EPOCHS = 40


def muse_people() -> int:
    """How many there are."""
    return len(recorded().people)


def muse_world(seed: int, person: int, folder: Path) -> World:
    """The world of one of them.

    Args:
        seed: Of the training.
        person: Who is met.
        folder: Where the bundle is kept, or made if it is not there.
    """
    features = recorded()
    data = as_dataset(features)
    training = data.pick(data.subject != person)
    moments = statistics(training)
    windows = normalise(training, moments)
    path = folder / f"muse-{seed}-{person}"
    if not path.exists():
        making = Making(data.classes, features.specs, moments, MUSE_EPOCHS, "muse-participants")
        make_bundle(path, windows, None, making, seed)
    own = in_two_sittings(data.pick(data.subject == person))
    hop_s = features.specs[Modality.EEG].hop_s
    return World(load_bundle(path), windows, (person_of(own, hop_s),), BLOCK)


def in_two_sittings(own: Dataset) -> Dataset:
    """The first recordings as sitting 1: as many as come nearest to `FIRST_SHARE`."""
    trials, lengths = np.unique(own.stretch, return_counts=True)
    done = np.cumsum(lengths) / len(own)
    first = 1 + int(np.abs(done[:-1] - FIRST_SHARE).argmin())
    session: IntArray = np.where(np.isin(own.stretch, trials[:first]), 1, 2).astype(np.int64)
    return replace(own, session=session)


@cache
def recorded() -> FeatureSet:
    """The features of every recording."""
    recordings = os.environ.get(RECORDINGS)
    if not recordings:
        raise SystemExit(f"participant: {RECORDINGS} does not name the folder of the recordings")
    return from_recordings(muse_ssvep(Path(recordings) / "muse_ssvep"))
