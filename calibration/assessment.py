"""What can be known of an adaptation without a label: agreements, shares, divergences."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork
from hadua.models.prediction import softmax

FEWEST_FOR_AGREEMENT = 30
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network says of a person's windows.

    Args:
        probabilities: `(n, n_classes)` from all that was measured.
        by_eeg: `(m,)` class from EEG alone, for the windows that have both.
        by_eye: `(m,)` class from eyes alone, for the same.
    """

    probabilities: FloatArray
    by_eeg: IntArray
    by_eye: IntArray

    @classmethod
    def of(cls, network: HaduaNetwork, windows: Windows, *, temperature: float = 1.0) -> "Answers":
        """Ask a network three times.

        Args:
            network: In evaluation mode.
            windows: Normalised as it takes them.
            temperature: Divides the logits.
        """
        both = windows.present.all(axis=1)
        alone = [
            logits_of_windows(network, _only(windows, k)).argmax(axis=1)[both] for k in range(2)
        ]
        logits = logits_of_windows(network, windows)
        measured = windows.present.any(axis=1)
        return cls(softmax(logits[measured], temperature=temperature), alone[0], alone[1])

    @property
    def agreement(self) -> float | None:
        """Share of windows in which the two senses give the same class; None for too few."""
        if len(self.by_eeg) < FEWEST_FOR_AGREEMENT:
            return None
        return float((self.by_eeg == self.by_eye).mean())

    def balance(self, classes: tuple[str, ...]) -> Mapping[str, float]:
        """Share of each class among the likeliest ones."""
        counts = np.bincount(self.probabilities.argmax(axis=1), minlength=len(classes))
        return dict(zip(classes, (counts / max(counts.sum(), 1)).tolist(), strict=True))

    def changed_from(self, before: "Answers") -> float:
        """Share of the windows whose class is another."""
        mine, theirs = (a.probabilities.argmax(axis=1) for a in (self, before))
        return float((mine != theirs).mean()) if len(mine) else 0.0

    def divergence_from(self, before: "Answers") -> float:
        """Mean Kullback-Leibler divergence (nats) of these answers from those."""
        p, q = (np.maximum(a.probabilities, _LEAST) for a in (self, before))
        return float((p * np.log(p / q)).sum(axis=1).mean()) if len(p) else 0.0


def _only(windows: Windows, modality: int) -> Windows:
    """The windows as if only EEG (0) or eyes (1) were there."""
    present = windows.present.copy()
    present[:, 1 - modality] = False
    return Windows(
        windows.x_eeg,
        windows.x_eye,
        present,
        windows.subject,
        windows.session,
        windows.stretch,
    )
