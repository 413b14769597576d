"""Figures of new participants: from which window was right to a row of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hadua.calibration.comparison import holm, negative_transfer, signed_rank
from hadua.calibration.windows import IntArray
from hadua.models.features import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Which windows of a person each way of meeting them got right.

    Args:
        seed: Of the world.
        number: Of the person in it.
        minutes: `(n,)` of the person's stream at each window that has a label.
        first: `(n,)` whether it is of the first sitting, which is not scored.
        right: `(n,)` by name of the way.
        rolled_back: Sitting and bound of each roll-back, by name.
        relearnt: Risk and consistency of each learning anew, by name.
    """

    seed: int
    number: int
    minutes: FloatArray
    first: BoolArray
    right: Mapping[str, BoolArray]
    rolled_back: Mapping[str, Sequence[str]]
    relearnt: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Figures:
    """A row.

    Args:
        name: Of the way.
        mean: Mean accuracy over people, in the sittings after the first.
        sd: Standard deviation over people.
        worst: The least.
        hurt: Share of people who lose more than a point to the bundle as shipped.
        benefit_min: Median over people of the time to benefit; None if most never do.
        never: Share of people who never do.
        first: Mean accuracy in the first sitting, of what was served then.
        p: Of the signed ranks against the rival, after Holm's correction.
        rolled_back: Roll-backs, by bound.
        people: Accuracy of each.
    """

    name: str
    mean: float
    sd: float
    worst: float
    hurt: float
    benefit_min: float | None
    never: float
    first: float
    p: float | None
    rolled_back: Mapping[str, int]
    people: tuple[float, ...]


def figures(
    people: Sequence[Person], rivals: Mapping[str, str], *, unadapted: str
) -> tuple[Figures, ...]:
    """All rows.

    Args:
        people: Those who were met.
        rivals: By name of each way, which it is tested against; empty for none.
        unadapted: Name of the bundle as shipped.
    """
    scores = {name: np.array([_scored(p, name) for p in people]) for name in rivals}
    p_values = [
        signed_rank(scores[rival], scores[name]).p_value if rival else None
        for name, rival in rivals.items()
    ]
    rows = []
    for name, p in zip(rivals, holm(p_values), strict=True):
        s = scores[name]
        times = [
            benefit_min(person.right[name], person.right[unadapted], person.minutes)
            for person in people
        ]
        rows.append(
            Figures(
                name,
                float(s.mean()),
                float(s.std()),
                float(s.min()),
                negative_transfer(s, scores[unadapted]),
                _median(times),
                float(np.mean([t is None for t in times])),
                float(np.mean([p.right[name][p.first].mean() for p in people])),
                p,
                _bounds(people, name),
                tuple(s.tolist()),
            )
        )
    return tuple(rows)


def benefit_min(mine: BoolArray, plain: BoolArray, minutes: FloatArray) -> float | None:
    """Minutes until more windows were right than without, and stayed so to the end; None: never.

    Args:
        mine: `(n,)` which windows were right.
        plain: `(n,)` which would have been.
        minutes: `(n,)` of the person's stream.
    """
    lead: IntArray = np.cumsum(mine.astype(np.int64) - plain.astype(np.int64))
    if not len(lead) or lead[-1] <= 0:
        return None
    behind = np.flatnonzero(lead <= 0)
    return float(minutes[behind[-1] + 1 if len(behind) else 0])


def _scored(person: Person, name: str) -> float:
    return float(person.right[name][~person.first].mean())


def _median(times: Sequence[float | None]) -> float | None:
    """Those who never benefit count as later than everybody."""
    median = float(np.median([np.inf if t is None else t for t in times]))
    return median if np.isfinite(median) else None


def _bounds(people: Sequence[Person], name: str) -> dict[str, int]:
    bounds = [entry.split(": ", 1)[1] for p in people for entry in p.rolled_back.get(name, ())]
    return {bound: bounds.count(bound) for bound in sorted(set(bounds))}
