"""Training on labelled source windows and unlabelled windows of a person together."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hadua.calibration.batches import Augmentation, CropSource
from hadua.calibration.draws import TargetSource, answers, crop_length
from hadua.calibration.follower import Follower
from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.learner import Setting, Start
from hadua.calibration.stretches import Crops
from hadua.calibration.windows import Windows
from hadua.models.network import HaduaNetwork

VARIED = Augmentation(shift_sd=0.2)
"""As when the source network was trained: without it, more steps on the source overfit it."""


@dataclass(frozen=True, slots=True)
class JointSettings:
    """How the two are trained on.

    Args:
        rate: Learning rate of Adam, constant.
        weight_decay: Of Adam (L2, as in the papers), not decoupled.
        batch: Windows per step and side.
        augmentation: What is varied in the source's windows.
    """

    rate: float = 3e-4
    weight_decay: float = 0.0
    batch: int = 128
    augmentation: Augmentation = field(default=VARIED)

    def record(self) -> dict[str, Setting]:
        """As plain values, for a method's settings."""
        return {
            "rate": self.rate,
            "weight_decay": self.weight_decay,
            "batch": self.batch,
            "augmentation_modality": self.augmentation.modality,
            "augmentation_token": self.augmentation.token,
            "augmentation_shift_sd": self.augmentation.shift_sd,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """What a network in training mode made of one batch of either side.

    Args:
        source: Fused features `(n, 384)` of labelled windows.
        source_logits: `(n, n_classes)`.
        y: `(n,)` their classes.
        target: Fused features `(m, 384)` of the person's windows.
        target_logits: `(m, n_classes)`.
        target_crops: What the m windows are the measured ones of.
        network: The network.
        epoch: Passes over as many windows as the source has, so far.
    """

    source: Tensor
    source_logits: Tensor
    y: Tensor
    target: Tensor
    target_logits: Tensor
    target_crops: Crops
    network: HaduaNetwork
    epoch: float


Term = Callable[[Sides], Tensor]


class JointLearner(Follower):
    """Minimises the source's cross-entropy plus a term that brings the person in.

    Args:
        start: Where to begin.
        seed: Start of every random number.
        term: What is added to the cross-entropy; it may keep averages of its own.
        settings: How to train.
    """

    def __init__(self, start: Start, seed: int, *, term: Term, settings: JointSettings) -> None:
        super().__init__(start, seed)
        self._term, self._settings = term, settings
        self._length = crop_length(self.network.context)
        self._source = CropSource(
            start.source,
            n_classes=self.network.n_classes,
            length=self._length,
            augmentation=settings.augmentation,
            rng=self.chance.rng,
        )
        self._optimiser = torch.optim.Adam(
            self.network.parameters(),
            lr=settings.rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self._n_steps = 0

    def adapt(self, own: Windows, *, steps: int) -> None:
        """Take steps on batches of the source and of all windows seen."""
        target = TargetSource(own, length=self._length)
        self.network.train()
        for _ in range(steps if len(target) else 0):
            self._step(target)
        self.network.eval()

    def _step(self, target: TargetSource) -> None:
        crops, labels = self._source.draw(self._settings.batch)
        y = torch.from_numpy(labels)
        known = y != UNLABELLED
        if not known.any():  # every window of so small a batch was taken away
            return
        fused = self.network.fuse_sequence(crops.eeg, crops.eye, crops.present)[known]
        logits = self.network.classifier(fused)
        theirs = target.draw(self._settings.batch, self.chance.rng)
        epoch = self._n_steps * self._settings.batch / self._source.n_targets
        sides = Sides(
            fused, logits, y[known], *answers(self.network, theirs), theirs, self.network, epoch
        )
        loss = torch.nn.functional.cross_entropy(logits, y[known]) + self._term(sides)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._n_steps += 1
