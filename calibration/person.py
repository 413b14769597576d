"""A person's own level and spread of every feature, per sitting, from windows without labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hadua.calibration.windows import Windows
from hadua.models.features import FloatArray
from hadua.models.runtime import Float32Array

Moments = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class PersonStatistics:
    """Mean and standard deviation of each feature by person and sitting.

    Windows come normalised by the source, whose mean is 0 and deviation 1. A sitting with few
    windows stays near that: `prior_windows` windows of the source count beside the person's own.
    0 is the usual z-score per person.

    Args:
        moments: `(mean, std)` of EEG and of eye features, by (subject, session).
    """

    moments: Mapping[tuple[int, int], tuple[Moments, Moments]]

    @classmethod
    def of(cls, windows: Windows, *, prior_windows: float = 0.0) -> "PersonStatistics":
        """Estimate from unlabelled windows; those of an absent modality do not count."""
        sittings = np.unique(np.stack((windows.subject, windows.session), axis=1), axis=0)
        moments = {}
        for subject, session in sittings.tolist():
            rows = (windows.subject == subject) & (windows.session == session)
            eeg, eye = (
                _moments(x[rows & windows.present[:, k]], prior_windows)
                for k, x in enumerate((windows.x_eeg, windows.x_eye))
            )
            moments[subject, session] = (eeg, eye)
        return cls(moments)

    def apply(self, windows: Windows) -> Windows:
        """Standardise; a sitting that was not observed stays as it is."""
        x_eeg, x_eye = windows.x_eeg.copy(), windows.x_eye.copy()
        for (subject, session), moments in self.moments.items():
            rows = (windows.subject == subject) & (windows.session == session)
            for k, x in enumerate((x_eeg, x_eye)):
                mean, std = moments[k]
                there = rows & windows.present[:, k]
                x[there] = ((x[there] - mean) / std).astype(np.float32)
        return Windows(
            x_eeg, x_eye, windows.present, windows.subject, windows.session, windows.stretch
        )


def by_person(windows: Windows, *, prior_windows: float = 0.0) -> Windows:
    """Standardise every sitting by its own statistics."""
    return PersonStatistics.of(windows, prior_windows=prior_windows).apply(windows)


def _moments(x: Float32Array, prior_windows: float) -> Moments:
    """Mean and standard deviation `(d,)` of rows to which a prior of mean 0 and variance 1 adds."""
    n = len(x)
    total = max(n + prior_windows, 1.0)
    rows = x.astype(np.float64)
    mean = rows.sum(axis=0) / total
    # Around the blended mean, the prior's windows lie at 0 with variance 1.
    spread = ((rows - mean) ** 2).sum(axis=0) + prior_windows * (1.0 + mean**2)
    variance = spread / total if n > 1 or prior_windows else np.ones(x.shape[1])
    return mean, np.where(variance > 1e-8, np.sqrt(variance), 1.0)
