"""Supervised training on source people: cross-entropy, a fixed number of epochs, no peeking.

Nothing here looks at a validation or test person: the number of epochs is given, not chosen on
anybody's labels. The result is a function of the data, the settings and the seed.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from hadua.calibration.batches import Augmentation, CropSource
from hadua.calibration.chance import seeded
from hadua.calibration.labelled import UNLABELLED, IntArray, LabelledWindows
from hadua.calibration.stretches import Crops, logits_of_windows
from hadua.models.errors import HaduaError
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Args:
        epochs: Passes over as many windows as are labelled.
        batch: Windows per step.
        crop: Windows of a crop in multiples of the context; single windows if the context is 1.
        rate: Highest learning rate; it falls to 0 along a half cosine.
        weight_decay: Decoupled weight decay of AdamW.
        augmentation: What the network must learn to cope with.
    """

    epochs: int = 20
    batch: int = 256
    crop: int = 2
    rate: float = 1e-3
    weight_decay: float = 1e-2
    augmentation: Augmentation = field(default_factory=Augmentation)

    def crop_length(self, context: int) -> int:
        """Greatest number of windows of a crop."""
        return 1 if context == 1 else self.crop * context


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training is.

    Args:
        epoch: Epochs done, from 1.
        epochs: Epochs in all.
        loss: Mean cross-entropy (nats) of this epoch's batches.
    """

    epoch: int
    epochs: int
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """A trained network, in evaluation mode.

    Args:
        network: The network.
        context: Number of windows that an answer depends on.
        losses: Mean cross-entropy of each epoch.
        n_windows: Labelled windows it was trained on.
    """

    network: HaduaNetwork
    context: int
    losses: tuple[float, ...]
    n_windows: int


def train(
    data: LabelledWindows,
    *,
    n_classes: int,
    context: int,
    seed: int,
    recipe: Recipe | None = None,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
) -> TrainedNetwork:
    """Train a network on all of `data`, on one CPU thread, the same way every time.

    Args:
        data: Windows of the source people, normalised as the live path does it.
        n_classes: Number of classes.
        context: Number of windows that an answer depends on.
        seed: Start of every random number.
        recipe: How to train; the default suits some thousand windows.
        on_epoch: Called after every epoch.

    Raises:
        InvalidInputError: a class without windows.
        HaduaError: the loss left the finite numbers.
    """
    recipe = recipe or Recipe()
    source = CropSource(
        data,
        n_classes=n_classes,
        length=recipe.crop_length(context),
        augmentation=recipe.augmentation,
        rng=np.random.default_rng(seed),
    )
    with seeded(seed):
        widths = data.windows.x_eeg.shape[1], data.windows.x_eye.shape[1]
        network = HaduaNetwork(*widths, n_classes, context=context)
        losses = tuple(_epochs(network.train(), source, recipe, on_epoch))
    return TrainedNetwork(network.eval(), context, losses, source.n_targets)


def logits_of(trained: TrainedNetwork, data: LabelledWindows) -> tuple[IntArray, FloatArray]:
    """Rows `(m,)` of the labelled windows and their logits `(m, n_classes)`.

    Every window sees as much of its stretch as the live path would have kept: all there is, up to
    the context.
    """
    targets = data.targets()
    with seeded(0):
        return targets, logits_of_windows(trained.network, data.windows)[targets]


def cross_entropy(logits: Tensor, y: IntArray) -> Tensor:
    """Mean cross-entropy (nats) of logits `(n, T, n_classes)` over the labelled of `y` `(n, T)`."""
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(y).flatten(), ignore_index=UNLABELLED
    )


def _epochs(
    network: HaduaNetwork,
    source: CropSource,
    recipe: Recipe,
    on_epoch: Callable[[Progress], None],
) -> Iterator[float]:
    steps = math.ceil(source.n_targets / recipe.batch)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps * recipe.epochs)
    for epoch in range(1, recipe.epochs + 1):
        total = 0.0
        for _ in range(steps):
            total += _step(network, optimiser, *source.draw(recipe.batch))
            schedule.step()
        loss = total / steps
        if not math.isfinite(loss):
            raise HaduaError(
                f"training diverged in epoch {epoch}",
                got=f"a loss of {loss}",
                hint="Lower the learning rate.",
            )
        on_epoch(Progress(epoch, recipe.epochs, loss))
        yield loss


def _step(
    network: HaduaNetwork, optimiser: torch.optim.Optimizer, crops: Crops, y: IntArray
) -> float:
    if (y == UNLABELLED).all():  # every window of so small a batch was taken away
        return 0.0
    optimiser.zero_grad()
    loss = cross_entropy(network.logits_sequence(crops.eeg, crops.eye, crops.present), y)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())
