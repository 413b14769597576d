"""What an evaluation found: every fold, every person's figures, a row per method."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from pydantic import ConfigDict

from hadua.calibration.labelled import IntArray
from hadua.calibration.scores import Probabilities, require_probabilities
from hadua.models.errors import InvalidInputError
from hadua.service.evaluation.provenance import Provenance

Protocol = Literal["transductive", "inductive", "prequential", "leaky-best-epoch"]
"""How a figure came about.

transductive: the person's windows, without labels, were there for adaptation, and are scored.
inductive: scored windows come after, or apart from, those that were adapted to.
prequential: every window was predicted before anything learned from it.
leaky-best-epoch: the epoch was chosen on the labels that are scored; for comparison with published
figures only.
"""

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
LEAKY: Protocol = "leaky-best-epoch"
PROTOCOL_TITLES: Mapping[Protocol, str] = {
    "transductive": "transductive",
    "inductive": "inductive",
    "prequential": "prequential",
    "leaky-best-epoch": "LEAKY: best epoch on test labels",
}
_STORED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """What one method said about the windows of one person it was not trained on.

    Args:
        method: Short name, as in `source-only`.
        protocol: How it came about.
        seed: Start of its random numbers.
        person: Whose windows they are.
        y: `(n,)` true classes; only windows that have one.
        probabilities: `(n, n_classes)`, float32 or float64.
        session: `(n,)` number of the sitting.
        order: `(n,)` place of each window in what the person saw, rising.
        seconds: What training and adaptation of this fold took.
        threshold: Confidence below which no answer is given, if one was chosen (never on `y`).
    """

    method: str
    protocol: Protocol
    seed: int
    person: str
    y: IntArray
    probabilities: Probabilities
    session: IntArray
    order: IntArray
    seconds: float
    threshold: float | None = None

    def __post_init__(self) -> None:
        require_probabilities(self.probabilities, self.y)
        n = len(self.y)
        if (
            self.session.shape != (n,)
            or self.order.shape != (n,)
            or (np.diff(self.order) < 1).any()
        ):
            raise InvalidInputError(
                f"fold of {self.method!r} on {self.person!r}",
                got=f"session {self.session.shape}, order {self.order.shape}",
                expected=f"({n},) each, order rising",
            )
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise InvalidInputError(
                f"fold of {self.method!r} on {self.person!r}",
                got=f"{self.seconds} seconds",
                expected="0 or more",
            )
        for array in (self.y, self.probabilities, self.session, self.order):
            array.setflags(write=False)

    @property
    def predicted(self) -> IntArray:
        """`(n,)` the likeliest class of every window."""
        likeliest: IntArray = self.probabilities.argmax(axis=1).astype(np.int64)
        return likeliest

    @property
    def name(self) -> str:
        """Which fold it is, in words."""
        return f"{self.method} / {self.protocol} / seed {self.seed} / {self.person}"


@dataclass(frozen=True, slots=True)
class PersonScore:
    """The figures of one fold.

    Args:
        method: As in `FoldResult`, and so are the next three and `seconds`.
        n_windows: How many windows were scored.
        accuracy: Share that was right.
        chance: What naming this person's commonest class would reach.
        macro_f1: Mean F1 over the classes that occur.
        auc: Mean one-against-rest area; None if the person saw one class only.
        ece: Expected calibration error.
        recall: Of each class, None where it does not occur.
        confusion: Windows by true (outer) and predicted class.
        coverage: Share of windows answered at the fold's threshold, if it has one.
        answered_accuracy: Share of those that was right; None if none was answered.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STORED

    method: str
    protocol: Protocol
    seed: int
    person: str
    n_windows: int
    accuracy: float
    chance: float
    macro_f1: float
    auc: float | None
    ece: float
    recall: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    coverage: float | None
    answered_accuracy: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method under one protocol: figures over people, each the mean of its seeds.

    Args:
        method: Short name.
        title: Name for a table.
        protocol: How it came about.
        is_ours: Whether the others are compared with this one.
        n_people: How many people.
        n_seeds: How many seeds.
        mean: Mean accuracy over people.
        sd: Sample standard deviation of accuracy over people; None for one person.
        seed_sd: Likewise of the mean over people, over seeds; None for one seed.
        worst: Accuracy of the person it served worst.
        worst_person: Who that is.
        macro_f1: Mean over people.
        auc: Mean over the people who have one.
        ece: Mean over people.
        coverage: Mean over people of the windows answered, if thresholds were chosen.
        answered_accuracy: Mean over people with an answer, likewise.
        p_value: Two-sided signed-rank test against ours over people; None for ours, and for leaky
            figures, on which no test holds.
        p_holm: The same, corrected for all comparisons of the evaluation.
        negative_transfer: Share of people who lose more than a point against the reference.
        seconds: Mean time of a fold.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STORED

    method: str
    title: str
    protocol: Protocol
    is_ours: bool
    n_people: int
    n_seeds: int
    mean: float
    sd: float | None
    seed_sd: float | None
    worst: float
    worst_person: str
    macro_f1: float
    auc: float | None
    ece: float
    coverage: float | None
    answered_accuracy: float | None
    p_value: float | None
    p_holm: float | None
    negative_transfer: float | None
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All of it.

    Args:
        provenance: What it was made with and from.
        classes: Class names; labels index them.
        titles: Name for a table and a plot, by method.
        ours: Method that the others are compared with.
        reference: Method that negative transfer is counted against.
        rows: One per method and protocol.
        people: One per fold.
        folds: What every figure can be computed from again.
    """

    provenance: Provenance
    classes: tuple[str, ...]
    titles: Mapping[str, str]
    ours: str
    reference: str
    rows: tuple[MethodRow, ...]
    people: tuple[PersonScore, ...]
    folds: tuple[FoldResult, ...]

    def protocols(self) -> tuple[Protocol, ...]:
        """Those that occur, in the order of `PROTOCOLS`."""
        there = {row.protocol for row in self.rows}
        return tuple(p for p in PROTOCOLS if p in there)

    def folds_of(self, method: str, protocol: Protocol) -> tuple[FoldResult, ...]:
        """The folds of a row."""
        return tuple(f for f in self.folds if (f.method, f.protocol) == (method, protocol))

    def foremost(self, protocol: Protocol, *, most: int = 3) -> tuple[str, ...]:
        """Ours, the reference and the best of the other methods, of those that there are.

        Raises:
            InvalidInputError: nothing has that protocol.
        """
        rows = {row.method: row for row in self.rows if row.protocol == protocol}
        if not rows:
            raise InvalidInputError(f"protocol {protocol!r}", got="no results of it")
        first = [m for m in dict.fromkeys((self.ours, self.reference)) if m in rows]
        others = sorted((m for m in rows if m not in first), key=lambda m: -rows[m].mean)
        return (*first, *others)[:most]
