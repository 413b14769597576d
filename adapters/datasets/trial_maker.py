"""Trials of two modalities from arrays of one or both, with a count of what had to be cut."""

from collections.abc import Mapping, Sequence

import numpy as np

from hadua.adapters.datasets.feature_arrays import same_length, unmeasured
from hadua.adapters.datasets.feature_files import Table
from hadua.adapters.datasets.feature_set import FeatureTrial
from hadua.models.features import FloatArray, Modality


class TrialMaker:
    """Joins EEG and eye features of trials.

    Args:
        n_eye: Number of eye features, or None if the data set at hand has none.
    """

    def __init__(self, *, n_eye: int | None) -> None:
        self._n_eye = n_eye
        self._trials: list[FeatureTrial] = []
        self._cut = 0
        self._without_eye: dict[int, list[int]] = {}

    def add_sitting(
        self,
        *,
        subject: int,
        person: int,
        session: int,
        labels: Sequence[int],
        eeg: Sequence[Table],
        eye: Sequence[Table] | None,
        clips: str,
    ) -> None:
        """Add the trials of one sitting in order.

        Args:
            subject: Index of the person.
            person: Number of the person in the data set.
            session: Number of the sitting, from 1.
            labels: Class of each trial.
            eeg: EEG features of each trial.
            eye: Eye features of each trial; None if they were not measured.
            clips: What the stimulus is called before `t` and its number: sittings of equal
                `clips` showed the same.

        Raises:
            RecordingError: the modalities differ by more than one window.
        """
        if self._n_eye is not None and eye is None:
            self._without_eye.setdefault(person, []).append(session)
        for k, (table, label) in enumerate(zip(eeg, labels, strict=True)):
            values = self._joined(table, None if eye is None else eye[k])
            y = np.full(len(values[Modality.EEG]), label, np.int64)
            stimulus, where = f"{clips}t{k + 1}", str(table.place)
            self._trials.append(FeatureTrial(subject, session, k + 1, stimulus, values, y, where))

    def _joined(self, eeg: Table, eye: Table | None) -> Mapping[Modality, FloatArray]:
        if self._n_eye is None:
            return {Modality.EEG: eeg.values}
        if eye is None:
            n = len(eeg.values)
            return {Modality.EEG: eeg.values, Modality.EYE: unmeasured(n, self._n_eye)}
        self._cut += len(eeg.values) != len(eye.values)
        x, z = same_length(eeg, eye)
        return {Modality.EEG: x, Modality.EYE: z}

    @property
    def trials(self) -> tuple[FeatureTrial, ...]:
        """What was added, in order."""
        return tuple(self._trials)

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the results must know, as lines for `FeatureSet.provenance`."""
        notes = []
        if self._n_eye is None:
            notes.append("no folder of eye features: EEG only")
        if self._without_eye:
            who = "; ".join(
                f"person {person}, session {', '.join(map(str, sessions))}"
                for person, sessions in self._without_eye.items()
            )
            notes.append(f"eye features not there, read as not measured: {who}")
        if self._cut:
            notes.append(
                f"{self._cut} of {len(self._trials)} trials had one window more of EEG or of eye "
                "features: both were cut to the shorter"
            )
        return notes
