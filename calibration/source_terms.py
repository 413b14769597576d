"""The source's part in adaptation: from its windows, or from embeddings that hold none of them."""

from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.batches import Augmentation, CropSource
from hadua.calibration.consensus import Consensus
from hadua.calibration.draws import crop_length
from hadua.calibration.embeddings import SourceEmbeddings, discrepancies_to_embedding, embed
from hadua.calibration.labelled import UNLABELLED, LabelledWindows
from hadua.calibration.learner import Start
from hadua.calibration.objective import discrepancies
from hadua.calibration.stretches import fused_of_windows
from hadua.models.network import HaduaNetwork

_UNVARIED = Augmentation(modality=0.0, token=0.0, shift_sd=0.0)

Terms = tuple[Tensor, Tensor, Tensor]
"""Cross-entropy of the source, MMD and class-conditional MMD to the person's features."""


class SourceTerms(Protocol):
    """What the source says to a step."""

    def of(
        self, student: HaduaNetwork, target: Tensor, pseudo_labels: Tensor, weights: Tensor
    ) -> Terms:
        """The three terms for the person's fused features `(m, 384)`.

        Args:
            student: In training mode.
            target: `(m, 384)`.
            pseudo_labels: `(m, n_classes)`.
            weights: `(m,)` trust in each.
        """
        ...


class FromWindows:
    """Draws batches of source windows.

    Args:
        source: The source.
        network: The network that will be adapted.
        batch: Windows per step.
        rng: Of the draws.
    """

    def __init__(
        self,
        source: LabelledWindows,
        network: HaduaNetwork,
        *,
        batch: int,
        rng: np.random.Generator,
    ) -> None:
        self._batch, self._n_classes = batch, network.n_classes
        self._crops = CropSource(
            source,
            n_classes=network.n_classes,
            length=crop_length(network.context),
            augmentation=_UNVARIED,
            rng=rng,
        )

    def of(
        self, student: HaduaNetwork, target: Tensor, pseudo_labels: Tensor, weights: Tensor
    ) -> Terms:
        """As `SourceTerms` says."""
        crops, labels = self._crops.draw(self._batch)
        y = torch.from_numpy(labels)
        known = y != UNLABELLED
        fused = student.fuse_sequence(crops.eeg, crops.eye, crops.present)[known]
        entropy = torch.nn.functional.cross_entropy(student.classifier(fused), y[known])
        one_hot = torch.nn.functional.one_hot(y[known], self._n_classes).to(fused.dtype)
        return (entropy, *discrepancies(fused, target, one_hot, pseudo_labels, weights))


class FromEmbeddings:
    """Compares with embeddings of the source; there is no cross-entropy without its windows.

    Args:
        embeddings: Of the source, as the network to adapt saw it.
    """

    def __init__(self, embeddings: SourceEmbeddings) -> None:
        self._embeddings = embeddings

    def of(
        self, student: HaduaNetwork, target: Tensor, pseudo_labels: Tensor, weights: Tensor
    ) -> Terms:
        """As `SourceTerms` says."""
        del student
        apart = discrepancies_to_embedding(self._embeddings, target, pseudo_labels, weights)
        return (target.new_zeros(()), *apart)


def embeddings_of(start: Start, *, seed: int) -> SourceEmbeddings:
    """What a bundle of this network carries, or would carry, instead of the source's windows."""
    if start.embeddings is not None:
        return start.embeddings
    windows = start.source.windows
    embedded = embed(
        torch.from_numpy(fused_of_windows(start.network, windows)),
        start.source.y,
        subject=windows.subject,
        n_classes=start.network.n_classes,
        seed=seed,
    )
    consensus = Consensus.of(start.source, n_classes=start.network.n_classes)
    return replace(embedded, consensus=consensus)
