"""A fold of SEED's size, and a training on it that is told what to add to the cross-entropy."""

from dataclasses import dataclass

import numpy as np
import torch

from hadua.calibration.baselines.joint import Sides, Term
from hadua.calibration.baselines.published import SETTINGS
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.stretches import Crops, crop
from hadua.calibration.windows import IntArray, Windows
from hadua.models.network import HaduaNetwork


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Windows of labelled people, and of one without labels.

    Args:
        source: The labelled.
        target: The other's.
        n_classes: Number of classes.
    """

    source: LabelledWindows
    target: Windows
    n_classes: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches until every source window was seen."""
        return -(-len(self.source) // SETTINGS.batch)


def made_up(
    *,
    n_people: int = 12,
    n_windows: int = 842,
    widths: tuple[int, int] = (310, 33),
    n_classes: int = 3,
    seed: int = 0,
) -> Fold:
    """A fold of Gaussian people: classes lie apart, and so do people."""
    rng = np.random.default_rng(seed)
    n, d = n_people * n_windows, sum(widths)
    subject, y = np.arange(n) // n_windows, rng.integers(0, n_classes, n)
    classes, people = 0.3 * rng.standard_normal((n_classes, d)), rng.standard_normal((n_people, d))
    x = rng.standard_normal((n, d)) + classes[y] + 0.5 * people[subject]
    eeg, eye = np.split(x.astype(np.float32), [widths[0]], axis=1)
    present, session = np.ones((n, 2), np.bool_), np.ones(n, np.int64)
    windows = Windows(eeg, eye, present, subject, session, subject)
    last = subject == n_people - 1
    return Fold(LabelledWindows(windows, y).pick(~last), windows.pick(last), n_classes)


class Training:
    """Trains a network with one term; two with the same seed differ in the term alone.

    Args:
        fold: What to train on.
        term: What is added to the cross-entropy.
        device: Where.
        seed: Start of every random number.
    """

    def __init__(self, fold: Fold, term: Term, *, device: str = "cpu", seed: int = 0) -> None:
        self._fold, self._term, self._device = fold, term, device
        self._seed, self._n_steps = seed, 0
        self._rng = np.random.default_rng(seed)
        self._order = np.zeros(0, np.int64)
        torch.manual_seed(seed)
        widths = fold.target.x_eeg.shape[1], fold.target.x_eye.shape[1]
        self.network = HaduaNetwork(*widths, fold.n_classes, context=1).to(device).train()
        self._optimiser = torch.optim.Adam(
            self.network.parameters(),
            lr=SETTINGS.rate,
            weight_decay=SETTINGS.weight_decay,
            fused=True,
        )

    def step(self) -> torch.Tensor:
        """Take one step and return the loss before it."""
        torch.manual_seed(self._seed + self._n_steps)  # of dropout
        sides = self._sides()
        loss = torch.nn.functional.cross_entropy(sides.source_logits, sides.y) + self._term(sides)
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        self._optimiser.step()
        self._n_steps += 1
        return loss.detach()

    def _sides(self) -> Sides:
        fold, network = self._fold, self.network
        rows = self._next_rows()
        source = self._crops(fold.source.windows, rows)
        n_target = min(SETTINGS.batch, len(fold.target))
        target = self._crops(
            fold.target, self._rng.choice(len(fold.target), n_target, replace=False)
        )
        fused = [network.fuse(c.eeg, c.eye, c.present) for c in (source, target)]
        return Sides(
            fused[0],
            network.classifier(fused[0]),
            torch.from_numpy(fold.source.y[rows]).to(self._device),
            fused[1],
            network.classifier(fused[1]),
            target,
            network,
            self._n_steps / fold.steps_per_epoch,
        )

    def _next_rows(self) -> IntArray:
        """A batch of the source, every window once an epoch; the last batch begins anew."""
        if len(self._order) < SETTINGS.batch:
            self._order = np.r_[self._order, self._rng.permutation(len(self._fold.source))]
        rows, self._order = self._order[: SETTINGS.batch], self._order[SETTINGS.batch :]
        return rows

    def _crops(self, windows: Windows, rows: IntArray) -> Crops:
        c = crop(windows, rows, lengths=np.ones_like(rows))
        eeg, eye, present = (x.to(self._device) for x in (c.eeg, c.eye, c.present))
        return Crops(eeg, eye, present, c.valid, c.rows)
