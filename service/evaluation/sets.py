"""The data sets of `hadua evaluate`: how each is opened, and how its trials become one table."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.feature_set import FeatureSet, FeatureTrial
from hadua.calibration.dataset import Dataset
from hadua.calibration.labelled import UNLABELLED, IntArray
from hadua.models.errors import UsageError
from hadua.models.features import FeatureSpec, FloatArray, Modality
from hadua.models.runtime import Float32Array
from hadua.service.evaluation.plan import DatasetName, Plan
from hadua.service.training.data import Recorded, usable
from hadua.service.training.own_recordings import read_own
from hadua.service.training.sets import TrainingSet, muse_ssvep

OnFile = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationSet:
    """A data set ready to be split.

    Args:
        name: As the data set calls itself.
        specs: Features of each modality.
        hashes: SHA-256 of every file, by name.
        provenance: What the data are, as lines of text.
        data: The windows.
    """

    name: str
    specs: Mapping[Modality, FeatureSpec]
    hashes: Mapping[str, str]
    provenance: tuple[str, ...]
    data: Dataset

    def people_with_labels(self) -> list[int]:
        """Those who can be tested."""
        labelled = self.data.y != UNLABELLED
        return [int(k) for k in np.unique(self.data.subject[labelled])]

    def content_hash(self) -> str:
        """SHA-256 of the windows themselves, wherever they came from."""
        d, digest = self.data, hashlib.sha256()
        digest.update(repr((d.classes, d.people)).encode())
        for array in (d.eeg, d.eye, d.y, d.subject, d.session, d.stretch, d.stimulus):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def require_root(dataset: DatasetName, root: Path | None, *, allow_pickle: bool) -> None:
    """Refuse flags that do not go with a data set.

    Raises:
        UsageError: a folder where none is read, none where one is, or pickles where none occur.
    """
    generated = dataset == "synthetic"
    if generated != (root is None):
        raise UsageError(
            f"--dataset {dataset}",
            got="no --root" if root is None else f"--root {str(root)!r}",
            expected="no --root" if generated else "--root, the folder of the data set",
        )
    if allow_pickle and dataset in ("synthetic", "muse-ssvep", "own"):
        raise UsageError("--allow-pickle", expected="a data set whose files may hold pickles")


def open_sets(
    plan: Plan, root: Path | None, *, allow_pickle: bool, on_file: OnFile
) -> Iterator[EvaluationSet]:
    """Read the data set once, or draw one population for each seed.

    Raises:
        RecordingError: files that are not there or cannot be read.
        UsageError: fewer people than asked for.
    """
    if root is None:
        for k, seed in enumerate(plan.seed_range(), start=1):
            yield _ready(_population(seed, plan.people), plan)
            on_file(k, plan.seeds)
    elif plan.dataset == "muse-ssvep":
        yield _ready(from_recordings(muse_ssvep(root, on_recording=on_file)), plan)
    elif plan.dataset == "own":
        yield _ready(read_own(root, on_file=on_file), plan)
    else:
        # Only now: the readers of some sets bring scipy with them.
        from hadua.adapters.datasets.library import read_features

        read = read_features(plan.dataset, root, allow_pickle=allow_pickle, on_file=on_file)
        yield _ready(read, plan)


def as_dataset(features: FeatureSet) -> Dataset:
    """Put all trials into one table; a modality that the set lacks gets no columns."""
    trials = features.trials
    stimuli = {name: k for k, name in enumerate(dict.fromkeys(t.stimulus for t in trials))}
    lengths = [len(t) for t in trials]

    def spread(values: list[int]) -> IntArray:
        return np.repeat(np.array(values, np.int64), lengths)

    return Dataset(
        classes=features.classes,
        people=features.people,
        eeg=_table(features, Modality.EEG),
        eye=_table(features, Modality.EYE),
        y=np.concatenate([t.y for t in trials]).astype(np.int64),
        subject=spread([t.subject for t in trials]),
        session=spread([t.session for t in trials]),
        stretch=spread(list(range(len(trials)))),
        stimulus=spread([stimuli[t.stimulus] for t in trials]),
    )


def from_recordings(training: TrainingSet) -> FeatureSet:
    """Recordings as trials: every run of windows without a hole is one.

    What was shown is not the same for two people, so each trial is a stimulus of its own. The
    sitting is what the name of a recording says (`session2`), else the first.
    """
    hop_s = next(iter(training.specs.values())).hop_s
    names = list(training.hashes) or [""] * len(training.recordings)
    trials: list[FeatureTrial] = []
    for name, recorded in zip(names, training.recordings, strict=True):
        found = re.search(r"session(\d+)", name)
        for rows in _runs(recorded, hop_s):
            trials.append(
                FeatureTrial(
                    subject=recorded.subject,
                    session=int(found[1]) if found else 1,
                    trial=len(trials) + 1,
                    stimulus=f"{name}, window {rows.start}",
                    values={m: _measured(recorded, m, rows) for m in training.specs},
                    y=recorded.y[rows].copy(),
                    where=f"{name}, windows {rows.start} to {rows.stop - 1}",
                )
            )
    return FeatureSet(
        name="muse-ssvep",
        classes=training.classes,
        specs=training.specs,
        people=training.people,
        trials=tuple(trials),
        provenance=training.provenance,
        hashes=training.hashes,
        licence="BSD-3-Clause",
    )


def _ready(features: FeatureSet, plan: Plan) -> EvaluationSet:
    n = len(features.people)
    if plan.people is not None and plan.people > n:
        raise UsageError("--people", got=f"{plan.people}", expected=f"{n} or fewer: all there are")
    if plan.people is not None:
        kept = tuple(t for t in features.trials if t.subject < plan.people)
        features = replace(features, people=features.people[: plan.people], trials=kept)
    data = as_dataset(features)
    opened = EvaluationSet(
        features.name, features.specs, features.hashes, features.provenance, data
    )
    if len(opened.people_with_labels()) < 2:
        raise UsageError(
            f"--dataset {plan.dataset}",
            got=f"{len(opened.people_with_labels())} people with labels",
            expected="at least two: one to test and one to train on",
        )
    return opened


def _population(seed: int, people: int | None) -> FeatureSet:
    from hadua.adapters.datasets.population import population

    drawn = population(seed) if people is None else population(seed, people=people)
    # Every seed has people of its own: the same name in two of them is not the same person.
    return replace(drawn, people=tuple(f"{name} of {seed}" for name in drawn.people))


def _table(features: FeatureSet, modality: Modality) -> Float32Array:
    if modality not in features.specs:
        return np.zeros((sum(map(len, features.trials)), 0), np.float32)
    return np.concatenate([t.values[modality] for t in features.trials]).astype(np.float32)


def _runs(recorded: Recorded, hop_s: float) -> list[slice]:
    """Rows of each run of windows whose grid has no hole."""
    ends_s = np.array([w.end_s for w in recorded.windows])
    borders = [0, *(np.flatnonzero(np.diff(ends_s) > 1.5 * hop_s) + 1).tolist(), len(ends_s)]
    return [slice(a, b) for a, b in pairwise(borders) if b > a]


def _measured(recorded: Recorded, modality: Modality, rows: slice) -> FloatArray:
    """`(n, d)`, NaN where nothing was measured that a session would use."""
    windows = [w.windows[modality] for w in recorded.windows[rows]]
    return np.stack([np.where(w.present & usable(w), w.values, np.nan) for w in windows])
