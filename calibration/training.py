"""Supervised training on source people: cross-entropy, a fixed number of epochs, no peeking.

Nothing here looks at a validation or test person: the number of epochs is given, not chosen on
anybody's labels. The result is a function of the data, the settings and the seed.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from hadua.calibration.batches import Augmentation, Batch, BatchSource
from hadua.calibration.labelled import IntArray, LabelledWindows, sequences
from hadua.models.errors import HaduaError
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Args:
        epochs: Passes over as many sequences as there are labelled windows.
        batch: Sequences per step.
        rate: Highest learning rate; it falls to 0 along a half cosine.
        weight_decay: Decoupled weight decay of AdamW.
        augmentation: What the network must learn to cope with.
    """

    epochs: int = 20
    batch: int = 128
    rate: float = 1e-3
    weight_decay: float = 1e-2
    augmentation: Augmentation = field(default_factory=Augmentation)


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
        context: Greatest number of windows it looks at.
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
        context: Greatest number of windows the network looks at.
        seed: Start of every random number.
        recipe: How to train; the default suits some thousand windows.
        on_epoch: Called after every epoch.

    Raises:
        InvalidInputError: a class without windows.
        HaduaError: the loss left the finite numbers.
    """
    recipe = recipe or Recipe()
    source = BatchSource(
        data,
        n_classes=n_classes,
        context=context,
        augmentation=recipe.augmentation,
        rng=np.random.default_rng(seed),
    )
    with _deterministic(seed):
        widths = data.x_eeg.shape[1], data.x_eye.shape[1]
        network = HaduaNetwork(*widths, n_classes, context=context)
        losses = tuple(_epochs(network.train(), source, recipe, on_epoch))
    return TrainedNetwork(network.eval(), context, losses, source.n_targets)


def logits_of(trained: TrainedNetwork, data: LabelledWindows) -> tuple[IntArray, FloatArray]:
    """Rows `(m,)` of the labelled windows and their logits `(m, n_classes)`.

    Every window sees as much of its stretch as the live path would have kept: all there is, up to
    the context.
    """
    targets = data.targets()
    length = np.minimum(data.depth()[targets], trained.context)
    blocks = [targets[length == t] for t in range(1, trained.context + 1)]
    with _deterministic(0), torch.no_grad():
        logits = [
            _forward(trained.network, data, sequences(part, length=t))
            for t, block in enumerate(blocks, 1)
            for part in _parts(block)
        ]
    if not logits:
        return targets, np.zeros((0, trained.network.n_classes))
    rows = np.concatenate(blocks)
    order = np.argsort(rows)
    return rows[order], np.concatenate(logits)[order]


def _epochs(
    network: HaduaNetwork,
    source: BatchSource,
    recipe: Recipe,
    on_epoch: Callable[[Progress], None],
) -> Iterator[float]:
    steps = math.ceil(source.n_targets / recipe.batch)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps * recipe.epochs)
    for epoch in range(1, recipe.epochs + 1):
        total = 0.0
        for _ in range(steps):
            total += _step(network, optimiser, source.draw(recipe.batch))
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


def _step(network: HaduaNetwork, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
    optimiser.zero_grad()
    logits = network(
        torch.from_numpy(batch.eeg), torch.from_numpy(batch.eye), torch.from_numpy(batch.present)
    )
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(batch.y))
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


def _forward(network: HaduaNetwork, data: LabelledWindows, rows: IntArray) -> FloatArray:
    arrays = (data.x_eeg[rows], data.x_eye[rows], data.present[rows])
    logits: torch.Tensor = network(*(torch.from_numpy(a) for a in arrays))
    return np.asarray(logits.numpy(), np.float64)


def _parts(block: IntArray, *, size: int = 1024) -> list[IntArray]:
    return [block[i : i + size] for i in range(0, len(block), size)]


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """Seed torch and keep it to one thread and to algorithms without chance; undone afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)
