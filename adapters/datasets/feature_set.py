"""What every reader of a data set hands over: trials of feature windows, and their origin."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.models.errors import InvalidInputError, RecordingError
from hadua.models.features import FeatureSpec, FloatArray, Modality

UNLABELLED = -1
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTrial:
    """An uninterrupted run of windows of one person: a film clip, or a stretch of a recording.

    Args:
        subject: Index into `FeatureSet.people`.
        session: Number of the sitting, from 1.
        trial: Number within the sitting, from 1, in recorded order.
        stimulus: What was shown: trials of equal `stimulus` saw the same thing, whoever saw it.
        values: `(n_windows, n_features)` by modality, float64, NaN where nothing was measured.
        y: `(n_windows,)` class index, or `UNLABELLED`.
        where: File and key it was read from, for messages.
    """

    subject: int
    session: int
    trial: int
    stimulus: str
    values: Mapping[Modality, FloatArray]
    y: IntArray
    where: str = ""

    def __post_init__(self) -> None:
        shapes = {str(m): v.shape for m, v in self.values.items()}
        if any(v.ndim != 2 or len(v) != len(self.y) for v in self.values.values()):
            raise InvalidInputError(
                f"trial {self.where!r}: its arrays do not fit together",
                got=f"{shapes}, y {self.y.shape}",
                expected="(n_windows, n_features) each, and (n_windows,)",
            )
        for values in (*self.values.values(), self.y):
            values.setflags(write=False)

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """A data set as features.

    Args:
        name: Short name, as in `seed-iv`.
        classes: Class names; labels index them.
        specs: What the columns of each modality are.
        people: Name of each person as the data set calls them.
        trials: Person after person, in recorded order.
        provenance: What the data are and where from, as lines of text for a model card.
        hashes: SHA-256 of every file read, by its path relative to the root; empty if simulated.
        licence: Terms of the data in a few words; weights trained on them inherit the question.
    """

    name: str
    classes: tuple[str, ...]
    specs: Mapping[Modality, FeatureSpec]
    people: tuple[str, ...]
    trials: tuple[FeatureTrial, ...]
    provenance: tuple[str, ...]
    hashes: Mapping[str, str]
    licence: str

    def __post_init__(self) -> None:
        if not self.trials:
            raise RecordingError(f"data set {self.name!r}", got="no trial", expected="at least one")
        widths = {m: len(spec.names) for m, spec in self.specs.items()}
        for trial in self.trials:
            got = {m: v.shape[1] for m, v in trial.values.items()}
            if got != widths:
                raise RecordingError(
                    f"data set {self.name!r}, trial {trial.where!r}: number of features",
                    got=str({str(m): n for m, n in got.items()}),
                    expected=str({str(m): n for m, n in widths.items()}),
                )
