"""Reads the data sets that `hadua train` learns from as features."""

from pathlib import Path

from hadua.adapters.datasets.feature_set import FeatureSet
from hadua.models.cleaning import Cleaning
from hadua.service.evaluation import plan as evaluation_plan
from hadua.service.evaluation.sets import OnFile, from_recordings
from hadua.service.training.own_recordings import read_own
from hadua.service.training.sets import muse_ssvep


def read_training_features(
    dataset: evaluation_plan.DatasetName,
    root: Path | None,
    *,
    people: int,
    seed: int,
    allow_pickle: bool,
    cleaning: Cleaning | None = None,
    on_file: OnFile,
) -> FeatureSet:
    """Read a data set whole, or draw the synthetic population.

    Args:
        dataset: Its name.
        root: Its folder; None for the synthetic population.
        people: How many people to draw.
        seed: Of the population.
        allow_pickle: Permission to read pickled data.
        cleaning: What is done to the EEG of sets that have signal.
        on_file: Called with the number of files read and their total.

    Raises:
        RecordingError: files that are not there or cannot be read.
    """
    if root is None:
        return _drawn(people, seed, on_file)
    if dataset == "muse-ssvep":
        return from_recordings(muse_ssvep(root, cleaning=cleaning, on_recording=on_file))
    if dataset == "own":
        return read_own(root, cleaning=cleaning, on_file=on_file)
    # Only now: the readers of some sets bring scipy with them.
    from hadua.adapters.datasets.library import read_features

    return read_features(dataset, root, allow_pickle=allow_pickle, on_file=on_file)


def _drawn(people: int, seed: int, on_file: OnFile) -> FeatureSet:
    from hadua.adapters.datasets.population import population

    drawn = population(seed, people=people)
    on_file(1, 1)
    return drawn
