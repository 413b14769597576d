"""What a bundle does with doubt, and what it carries for adaptation: the value, and why."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from hadua.calibration.abstention import Abstention, choose_threshold
from hadua.calibration.consensus import Consensus
from hadua.calibration.embeddings import embed
from hadua.calibration.labelled import UNLABELLED, IntArray, LabelledWindows
from hadua.calibration.person import by_person
from hadua.calibration.scores import answered
from hadua.calibration.stretches import fused_of_windows
from hadua.calibration.training import TrainedNetwork, logits_of
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax
from hadua.models.source_statistics import MIN_PEOPLE, MIN_WINDOWS, SourceStatistics

TARGET_ACCURACY = 0.8
"""Share of the windows answered that are to be right."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network said of labelled windows that did not train it.

    Args:
        logits: `(n, n_classes)`.
        y: `(n,)` true classes.
        subject: `(n,)` whose window.
        stretch: `(n,)` of which trial.
    """

    logits: FloatArray
    y: IntArray
    subject: IntArray
    stretch: IntArray

    @classmethod
    def of(cls, trained: TrainedNetwork, data: LabelledWindows) -> "Answers":
        """Ask a network about every labelled window in which something was measured."""
        rows, logits = logits_of(trained, data)
        windows = data.windows
        return cls(logits, data.y[rows], windows.subject[rows], windows.stretch[rows])

    @property
    def predicted(self) -> IntArray:
        """`(n,)` likeliest classes."""
        return np.asarray(self.logits.argmax(axis=1), np.int64)

    @property
    def n_trials(self) -> int:
        """Trials that the windows are of."""
        return len(np.unique(self.stretch))


@dataclass(frozen=True, slots=True)
class Doubt:
    """Below which confidence no label is given.

    Args:
        below: The threshold; 0 always gives one.
        why: How it came about, for the card.
    """

    below: float
    why: str


def chosen_doubt(validation: Answers, test: Answers, *, temperature: float) -> Doubt:
    """Choose the threshold on the validation people, and say what it does to the test people."""
    probabilities = softmax(validation.logits, temperature=temperature)
    chosen = choose_threshold(
        probabilities,
        validation.y,
        target_accuracy=TARGET_ACCURACY,
        windows_per_trial=max(1.0, len(validation.y) / validation.n_trials),
    )
    below = chosen.threshold if chosen.reached else 0.0
    seen = f"{len(validation.y)} windows in {validation.n_trials} trials of the people put aside"
    if below == 0.0:
        return Doubt(0.0, _always(chosen, seen))
    after = answered(softmax(test.logits, temperature=temperature), test.y, threshold=below)
    right = "" if after.accuracy is None else f", {after.accuracy:.3f} of them rightly"
    return Doubt(
        below,
        f"No label below a confidence of {below:g}, chosen on {seen}: {chosen.coverage:.0%} of "
        f"them are answered, {chosen.accuracy:.3f} rightly (all: {chosen.accuracy_of_all:.3f}). "
        f"{_bound(chosen)} Of the test people's windows {after.coverage:.0%} are answered{right}.",
    )


def no_doubt(people: int) -> Doubt:
    """A label always, because nobody could be put aside."""
    return Doubt(
        0.0,
        f"A label is always given: of {people} people nobody could be put aside on whom to "
        "choose a threshold.",
    )


def carried(
    trained: TrainedNetwork, data: LabelledWindows, *, classes: tuple[str, ...], seed: int
) -> tuple[SourceStatistics | None, str]:
    """Embed the windows that trained a network, and say so; or say why not.

    Args:
        trained: The network.
        data: All windows that trained it.
        classes: Class names.
        seed: Start of the random features.
    """
    measured = data.pick(np.flatnonzero(data.windows.present.any(axis=1)))
    y, subject = measured.y, measured.windows.subject
    for c, name in enumerate(classes):
        n, people = int((y == c).sum()), len(np.unique(subject[y == c]))
        if n < MIN_WINDOWS or people < MIN_PEOPLE:
            return None, (
                f"No source embeddings: class {name!r} has {n} windows of {people} people, and "
                f"means over fewer than {MIN_WINDOWS} windows or {MIN_PEOPLE} people would come "
                "close to their data. It cannot be adapted without source windows."
            )
    standardised = LabelledWindows(by_person(measured.windows), y)
    agreed = Consensus.of(standardised, n_classes=len(classes))
    embedded = embed(
        torch.from_numpy(fused_of_windows(trained.network, measured.windows)),
        y,
        subject=subject,
        n_classes=len(classes),
        seed=seed,
    )
    return replace(embedded, consensus=agreed).to_statistics(), (
        f"Source embeddings: for all {len(y)} windows of the {len(np.unique(subject))} people who "
        f"trained it, {int((y != UNLABELLED).sum())} of them labelled, and for those of each "
        "class, the mean of random Fourier features of the network's fused features. No window "
        "of theirs is in the bundle, but the means tell how the features are distributed."
        + (
            " Beside them, what these people agree on: a linear map of each modality's features to "
            "the classes."
            if agreed
            else ""
        )
    )


def _always(chosen: Abstention, seen: str) -> str:
    if chosen.reached:
        return (
            f"A label is always given: on {seen}, {chosen.accuracy_of_all:.3f} are right. "
            f"{_bound(chosen)}"
        )
    return (
        f"A label is always given: on {seen}, {chosen.accuracy_of_all:.3f} are right, and no "
        f"threshold that answers half of them is certain to make {TARGET_ACCURACY:g} of the "
        "answers right (95 %, one-sided, windows of a trial counting as one)."
    )


def _bound(chosen: Abstention) -> str:
    return (
        f"The lower end of the one-sided 95 % interval is {chosen.at_least:.3f}, windows of a "
        f"trial counting as one; {TARGET_ACCURACY:g} was asked for."
    )
