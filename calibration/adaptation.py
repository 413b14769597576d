"""HADUA's adaptation to a person, without the released code's faults.

The paper's objective (arXiv 2601.21488, section 3): source cross-entropy, MMD, and class by class
MMD with confidence-weighted, aligned pseudo-labels. What is added, and why:

- the weighted, aligned pseudo-labels are also learnt from directly, by a student that sees noisy
  windows; a teacher, the average of the student's weights, makes them and answers;
- they are made per piece, about a film clip, for emotions last longer than a window: from what the
  source people agree on (`consensus`) and what the network says, by self-training in closed form
  that never believes a piece's own label (`person_reader`); averaged with what the teacher says;
- where there are too few source people for that, the teacher's own answers, averaged over
  neighbouring windows, are the pseudo-labels, and are faded in slowly;
- predictions are made sure one by one and varied as a whole (information maximisation), which is
  what moves the network while the pseudo-labels, faded in, are still poor;
- in a stream it learns when what it has seen has grown by half, and from the source's network anew:
  the first film's windows all say the same, and what was made of them must not decide the rest.

With `source_free` no source window is used: the discrepancies are taken against the source's
embeddings, as a bundle carries them, and there is no source cross-entropy.
"""

import copy
import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from hadua.calibration.adamw import AdamW
from hadua.calibration.consensus import Consensus
from hadua.calibration.draws import TargetSource, crop_length, measured
from hadua.calibration.follower import Follower
from hadua.calibration.information import mean_entropy, negative_marginal_entropy
from hadua.calibration.learner import Setting, Start
from hadua.calibration.person_reader import ALIGNMENT, read
from hadua.calibration.pieces import Pieces
from hadua.calibration.pseudo_labels import PseudoLabelWeighting
from hadua.calibration.source_terms import FromEmbeddings, FromWindows, SourceTerms, embeddings_of
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.teaching import Average, mixed, noisy, smoothed
from hadua.calibration.told import TRUSTED_WEIGHT
from hadua.calibration.trusting import UNTOLD, believed, names, of_pieces
from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import FloatArray
from hadua.models.network import HaduaNetwork
from hadua.models.prediction import softmax

MIN_SIGMA = 0.05
RATIO_BOUNDS = (0.1, 10.0)
WEIGHT_DECAY = 1e-4
TRIAL_WINDOWS = 20
LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Objective:
    """Weights of the terms and how they are used; each was chosen on development populations.

    Args:
        gamma_source: Weight of the source's cross-entropy.
        gamma_mmd: Weight of MMD.
        gamma_cmmd: Weight of the class-conditional MMD.
        gamma_pseudo: Weight of the pseudo-labels' cross-entropy, once faded in.
        gamma_information: Weight of information maximisation.
        information_temperature: Divides its logits.
        weighting: Gaussian weights of pseudo-labels (equation 8); else all count 1.
        alignment: Uniform alignment of pseudo-labels (equations 16, 17).
        momentum: Share of the old averages that a look at all of the person keeps (equation 12).
        n_sigma: Divides the deviation of the confidences.
        alpha: Share of the uniform distribution in the alignment's target; it has no schedule.
        smooth_windows: Distance over which pseudo-labels are averaged in time; 0 for none.
        fade_steps: Steps until pseudo-labels that the teacher alone makes weigh what they should,
            or 4/5 of a learning's steps if that is less.
        fade_steps_read: The same for pseudo-labels that were read.
        refresh: Steps after which pseudo-labels are made anew.
        teacher_keep: Share of the teacher's old weights that a step keeps.
        noise_sd: Standard deviation of the noise on the student's features.
        feature_drop: Share of features that the student does not see.
        rate: Learning rate of AdamW.
        batch: Windows per step and side.
        prior_windows: Windows of the source that count beside the person's own in their
            normalisation.
        reading: Read pseudo-labels, if there are source people enough for a consensus.
        consensus: Begin the reading with the consensus and the network; else with the network.
        reading_share: Share of what was read in the pseudo-labels' logarithm; the rest is the
            teacher's.
        growth: Learn anew when the number of trials seen has grown by this factor.
        trials_per_class: Trials seen per class of the model before the first learning.
        source_free: Use the source's embeddings in place of its windows.
    """

    gamma_source: float = 1.0
    gamma_mmd: float = 0.5
    gamma_cmmd: float = 0.5
    gamma_pseudo: float = 1.0
    gamma_information: float = 1.0
    information_temperature: float = 2.0
    weighting: bool = True
    alignment: bool = True
    momentum: float = 0.8
    n_sigma: float = 2.0
    alpha: float = 1.0
    smooth_windows: float = 20.0
    fade_steps: int = 100
    fade_steps_read: int = 20
    refresh: int = 10
    teacher_keep: float = 0.9
    noise_sd: float = 0.5
    feature_drop: float = 0.2
    rate: float = 3e-4
    batch: int = 128
    prior_windows: float = 30.0
    reading: bool = True
    consensus: bool = True
    reading_share: float = 0.5
    growth: float = 1.5
    trials_per_class: float = 2.0
    source_free: bool = False

    def record(self) -> dict[str, Setting]:
        """As plain values."""
        return asdict(self)


class HaduaLearner(Follower):
    """Adapts a student to a person and answers with its teacher.

    Args:
        start: Where to begin, at first and whenever enough more has been seen.
        seed: Start of every random number.
        objective: What to minimise, and how.
        told: `(n,)` class that somebody has told of each window of the one learning that there will
            be, or `UNTOLD`; None, as in every evaluation, if nothing was told.
    """

    def __init__(
        self, start: Start, seed: int, *, objective: Objective, told: IntArray | None = None
    ) -> None:
        super().__init__(start, seed, prior_windows=objective.prior_windows)
        self._start, self._objective = start, objective
        self._source: SourceTerms
        if objective.source_free:
            embeddings = embeddings_of(start, seed=seed)
            self._source, self._consensus = FromEmbeddings(embeddings), embeddings.consensus
        else:
            self._source = FromWindows(
                start.source, self.network, batch=objective.batch, rng=self.chance.rng
            )
            self._consensus = Consensus.of(start.source, n_classes=self.network.n_classes)
        self._told = told
        self._owed = 0
        self._learnt_from = 0

    def adapt(self, own: Windows, *, steps: int) -> None:
        """Put the steps by, and take all of them once enough has been seen that is new."""
        o = self._objective
        self._owed += steps
        seen = trials(own, windows_each=TRIAL_WINDOWS)
        least = max(o.trials_per_class * self.network.n_classes, o.growth * self._learnt_from)
        if seen < least or not self._owed:
            return
        self._learnt_from = seen
        self.network = copy.deepcopy(self._start.network).eval()
        read = self._read(own)
        learning = _Learning(self.network, self._source, o, self.chance.rng, read, self._told)
        learning.on(own, steps=self._owed)
        self._owed = 0

    def _read(self, own: Windows) -> FloatArray | None:
        """Probabilities `(n, n_classes)` of every window's piece, if there is a consensus."""
        if self._consensus is None or not self._objective.reading:
            return None
        pieces = Pieces.of(own)
        said = np.log(np.maximum(softmax(logits_of_windows(self._start.network, own)), LEAST))
        opinion, o = pieces.mean(said), self._objective
        if o.consensus:
            opinion = opinion + self._consensus.logits(pieces)
        strength, rng = ALIGNMENT if o.alignment else 0.0, self.chance.rng
        p = read(pieces, opinion, rng=rng, alignment=strength)
        if self._told is not None:
            told = of_pieces(self._told, pieces.of_window)
            opinion = opinion[:, names(p, told)]
            p = read(pieces, opinion, rng=rng, alignment=strength, told=told)
        return p[pieces.of_window]


class _Learning:
    """One learning from the source's network to the person's.

    Args:
        teacher: To be changed; it holds the source's weights.
        source: The source's part.
        objective: What to minimise, and how.
        rng: Of the draws.
        read: `(n, n_classes)` pseudo-labels that were read, if any were.
        told: `(n,)` class that was told of each window, or `UNTOLD`; None if nothing was.
    """

    def __init__(
        self,
        teacher: HaduaNetwork,
        source: SourceTerms,
        objective: Objective,
        rng: np.random.Generator,
        read: FloatArray | None,
        told: IntArray | None = None,
    ) -> None:
        self._read, self._told = read, told
        self._teacher, self._source, self._objective = teacher, source, objective
        self._rng = rng
        self._student = copy.deepcopy(teacher).train()
        self._average = Average(teacher, self._student)
        weights = self._student.parameters()
        self._optimiser = AdamW(weights, rate=objective.rate, weight_decay=WEIGHT_DECAY)
        self._weighting = PseudoLabelWeighting(
            teacher.n_classes,
            objective.momentum,
            n_sigma=objective.n_sigma,
            min_sigma=MIN_SIGMA,
            ratio_bounds=RATIO_BOUNDS,
            alpha_max=objective.alpha,
            alpha_midpoint=math.inf,
        )

    def on(self, own: Windows, *, steps: int) -> None:
        """Take steps on batches of the person's windows and of the source."""
        target = TargetSource(own, length=crop_length(self._teacher.context))
        o = self._objective
        slow = o.fade_steps if self._read is None else o.fade_steps_read
        fade_steps = min(slow, 0.8 * steps)
        for k in range(steps if len(target) else 0):
            if k % o.refresh == 0:
                pseudo_labels, weights = self._pseudo_labels(own)
            self._step(target, pseudo_labels, weights, share=min(1.0, (k + 1) / fade_steps))
        self._average.take_statistics()

    def _pseudo_labels(self, own: Windows) -> tuple[Tensor, Tensor]:
        """`(n, n_classes)` and `(n,)` of every window, from the teacher and what was read."""
        o = self._objective
        p = softmax(logits_of_windows(self._teacher, own))
        made = smoothed(p, own.stretch, windows=o.smooth_windows)
        if self._read is not None:
            made = mixed(made, self._read, share=o.reading_share)
        labels = torch.from_numpy(made)
        self._weighting.update(labels[torch.from_numpy(own.present.any(axis=1))])
        weights = self._weighting.weights(labels) if o.weighting else torch.ones(len(labels))
        aligned = self._weighting.align(labels, 0.0) if o.alignment else labels
        if self._told is not None:
            aligned = torch.from_numpy(believed(aligned.numpy(), self._told))
            weights[torch.from_numpy(self._told != UNTOLD)] = TRUSTED_WEIGHT
        return aligned.float(), weights.float()

    def _step(
        self, target: TargetSource, pseudo_labels: Tensor, weights: Tensor, *, share: float
    ) -> None:
        o, student = self._objective, self._student
        crops = target.draw(o.batch, self._rng)
        asked = measured(crops)
        rows = torch.from_numpy(crops.rows)[asked]
        p, w = pseudo_labels[rows], weights[rows]
        seen = noisy(crops, noise_sd=o.noise_sd, drop=o.feature_drop)
        fused = student.fuse_sequence(seen.eeg, seen.eye, seen.present)[asked]
        logits = student.classifier(fused)
        entropy, mmd, cmmd = self._source.of(student, fused, p, w)
        losses = torch.nn.functional.cross_entropy(logits, p, reduction="none")
        loss = (
            o.gamma_source * entropy
            + o.gamma_mmd * mmd
            + o.gamma_cmmd * cmmd
            + o.gamma_pseudo * share * (w * losses).mean()
            + o.gamma_information * _information(logits, o.information_temperature)
        )
        self._optimiser.forget_gradients()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._average.move(keep=o.teacher_keep)


def trials(windows: Windows, *, windows_each: float) -> int:
    """How many trials there are, as far as one can tell: stretches, long ones cut up.

    Args:
        windows: Windows seen.
        windows_each: Most windows of a trial.
    """
    _, lengths = np.unique(windows.stretch, return_counts=True)
    return int(np.ceil(lengths / max(windows_each, 1.0)).sum())


def _information(logits: Tensor, temperature: float) -> Tensor:
    """Least where each prediction is sure and all of them together are varied."""
    marginal = negative_marginal_entropy(logits, temperature=temperature)
    return mean_entropy(logits, temperature=temperature) + marginal
