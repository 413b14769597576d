"""Can the level of the features tell that somebody else sits there? Real Muse EEG says how well.

The bound `person` of the online loop compares the mean features of the newest windows with the
profile's. Here each recording of a person is compared with others of theirs, minutes or weeks
apart, and with everybody else's: its greatest distance while it lasts, for references of one to
three recordings and for averages of 36 windows (as the loop takes) and more. Nothing is chosen by
it.

    HADUA_RECORDINGS=... python benchmarks/recognising.py      a few seconds
"""

import sys
from dataclasses import dataclass

import numpy as np
from participant_muse import recorded

from hadua.calibration.dataset import normalise, statistics
from hadua.calibration.guard import NOVELTY_CAP
from hadua.calibration.online_settings import GuardSettings
from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import FloatArray
from hadua.service.evaluation.sets import as_dataset

REFERENCES, SPANS = (1, 2, 3), (36, 72, 116)
PRIOR_WINDOWS = 30.0
EVERY = 12
"""Windows between two looks: a piece."""


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Greatest distance of every recording from a reference.

    Args:
        same: Of the person of the reference.
        other: Of anybody else.
    """

    same: FloatArray
    other: FloatArray

    @property
    def auc(self) -> float:
        """How often another's is greater."""
        return float((self.same[:, None] < self.other[None]).mean())


def distances(n_reference: int, span: int) -> Distances:
    """Compare every run of recordings with every other recording, as each person's bundle would."""
    data = as_dataset(recorded())
    same, other = list[float](), list[float]()
    for person in np.unique(data.subject).tolist():
        moments = statistics(data.pick(data.subject != person))
        windows = normalise(data, moments).windows
        own = np.unique(windows.stretch[windows.subject == person])
        for k in range(len(own) - n_reference + 1):
            reference = own[k : k + n_reference]
            for stretch in np.setdiff1d(np.unique(windows.stretch), reference).tolist():
                rows = windows.stretch == stretch
                whose = same if windows.subject[rows][0] == person else other
                whose.append(_greatest(windows, reference, rows.nonzero()[0], span))
    return Distances(np.array(same), np.array(other))


def _greatest(windows: Windows, reference: IntArray, rows: IntArray, span: int) -> float:
    x = windows.x_eeg.astype(np.float64)
    known = x[np.isin(windows.stretch, reference)]
    total = len(known) + PRIOR_WINDOWS
    mean = known.sum(axis=0) / total
    spread = ((known - mean) ** 2).sum(axis=0) + PRIOR_WINDOWS * (1.0 + mean**2)
    z = (x[rows] - mean) / np.sqrt(spread / total)
    starts = range(0, max(len(z) - span + 1, 1), EVERY)
    means = np.stack([z[k : k + span].mean(axis=0) for k in starts])
    return float(np.minimum(means**2, NOVELTY_CAP).mean(axis=1).max())


def main() -> None:
    bound = GuardSettings().most_novelty
    lines = [
        f"| recordings known | windows | same person beyond {bound} | another within | AUC |",
        "|---:|---:|---:|---:|---:|",
    ]
    for n in REFERENCES:
        for span in SPANS:
            found = distances(n, span)
            beyond, within = (found.same > bound).mean(), (found.other <= bound).mean()
            lines.append(f"| {n} | {span} | {beyond:.0%} | {within:.0%} | {found.auc:.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
