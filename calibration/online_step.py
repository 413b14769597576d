"""One gradient step of the online loop: a student learns from the teacher, held at both ends.

The student sees noisy windows of pieces drawn evenly over the predicted classes, learns the
teacher's aligned pseudo-labels as far as they can be trusted, and is drawn to the source's features
and to the weights that it started from. The teacher is the average of the student's weights.
"""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.adamw import AdamW
from hadua.calibration.anchoring import pull_toward
from hadua.calibration.buffer import Piece
from hadua.calibration.collected import joined
from hadua.calibration.draws import measured
from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.preparing import normalised
from hadua.calibration.source_terms import SourceTerms
from hadua.calibration.stretches import crop, logits_of_windows
from hadua.calibration.teaching import Average, noisy, smoothed
from hadua.calibration.timed_weighting import TimedWeighting
from hadua.calibration.told import TRUSTED_SHARE, TRUSTED_WEIGHT
from hadua.models.bundle import Normalisation
from hadua.models.features import FloatArray, Modality
from hadua.models.network import HaduaNetwork
from hadua.models.prediction import softmax


class Student:
    """A teacher, its student, and the optimiser.

    Args:
        network: In evaluation mode; copied.
        anchor: The network toward whose weights the student is drawn.
        source: What anchors to the source; None if the bundle carries nothing.
        settings: Of the loop.
        temperature: Divides the teacher's logits where it makes labels.
    """

    def __init__(
        self,
        network: HaduaNetwork,
        anchor: HaduaNetwork,
        source: SourceTerms | None,
        settings: OnlineSettings,
        *,
        temperature: float = 1.0,
    ) -> None:
        self._temperature = temperature
        self.teacher = copy.deepcopy(network).eval()
        self._student = copy.deepcopy(network).train()
        self._average = Average(self.teacher, self._student)
        self._start = [p.detach().clone() for p in anchor.parameters()]
        self._source, self._settings = source, settings
        weights = self._student.parameters()
        self._optimiser = AdamW(weights, rate=settings.rate, weight_decay=0.0)

    def step(
        self,
        pieces: Sequence[Piece],
        normalisation: Mapping[Modality, Normalisation],
        weighting: TimedWeighting,
        rng: np.random.Generator,
    ) -> None:
        """Learn a little from pieces drawn evenly over their classes; there must be one."""
        s = self._settings
        drawn = draw_evenly(pieces, s.batch, rng)
        lengths = np.array([len(p.windows) for p in drawn])
        stretch = np.repeat(np.arange(len(drawn)), lengths)
        windows = normalised(
            joined([p.in_units_of(normalisation) for p in drawn]), normalisation, stretch=stretch
        )
        p = softmax(logits_of_windows(self.teacher, windows), temperature=self._temperature)
        labels, trust = self._labels(
            smoothed(p, stretch, windows=s.smooth_windows), drawn, weighting
        )
        crops = crop(windows, np.cumsum(lengths) - lengths, lengths=lengths)
        asked = measured(crops)
        rows = torch.from_numpy(crops.rows)[asked]
        if not len(rows):
            return
        seen = noisy(crops, noise_sd=s.noise_sd, drop=s.feature_drop)
        fused = self._student.fuse_sequence(seen.eeg, seen.eye, seen.present)[asked]
        piece = torch.from_numpy(stretch)[rows]
        loss = self._loss(fused, labels[piece], trust[piece])
        self._optimiser.forget_gradients()
        loss.backward()  # type: ignore[no-untyped-call]
        pull_toward(self._start, self._optimiser.weights, strength=s.anchor)
        self._optimiser.step()
        self._average.move(keep=s.teacher_keep)
        self._average.take_statistics()

    def is_finite(self) -> bool:
        """Whether every weight and statistic of the teacher is a number."""
        return self._average.is_finite()

    def _labels(
        self, smooth: FloatArray, drawn: Sequence[Piece], weighting: TimedWeighting
    ) -> tuple[Tensor, Tensor]:
        """Pseudo-label `(n_pieces, n_classes)` and trust `(n_pieces,)` of each piece."""
        lengths = [len(p.windows) for p in drawn]
        means = np.stack([part.mean(axis=0) for part in np.split(smooth, np.cumsum(lengths)[:-1])])
        labels, trust = weighting.align(means), weighting.weight(means)
        n_classes = labels.shape[1]
        for k, piece in enumerate(drawn):
            if piece.trusted is not None:
                labels[k] = (1.0 - TRUSTED_SHARE) / (n_classes - 1)
                labels[k, piece.trusted] = TRUSTED_SHARE
                trust[k] = TRUSTED_WEIGHT
        return torch.from_numpy(labels).float(), torch.from_numpy(trust).float()

    def _loss(self, fused: Tensor, labels: Tensor, trust: Tensor) -> Tensor:
        s, student = self._settings, self._student
        losses = torch.nn.functional.cross_entropy(
            student.classifier(fused), labels, reduction="none"
        )
        loss = (trust * losses).mean()
        if self._source is not None and (s.gamma_mmd or s.gamma_cmmd):
            entropy, mmd, cmmd = self._source.of(student, fused, labels, trust)
            loss = loss + entropy + s.gamma_mmd * mmd + s.gamma_cmmd * cmmd
        return loss


def draw_evenly(pieces: Sequence[Piece], n: int, rng: np.random.Generator) -> list[Piece]:
    """Draw pieces, the classes in turn from a random one on."""
    classes = sorted({piece.label for piece in pieces})
    first = int(rng.integers(len(classes)))
    drawn = []
    for k in range(n):
        of_class = [p for p in pieces if p.label == classes[(first + k) % len(classes)]]
        drawn.append(of_class[int(rng.integers(len(of_class)))])
    return drawn
