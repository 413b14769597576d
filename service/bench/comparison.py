"""Ours beside others, one row for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hadua.service.bench.row import Row
from hadua.service.bench.timing import Call, Pace, in_turn


@dataclass(frozen=True, slots=True)
class Other:
    """Something to compare with.

    Args:
        name: What it is, with its version if it is somebody else's.
        call: Does the same as ours; None where it is not there.
        target: What ours may take, as a multiple of it; None where nothing was promised.
        why: Why it is not there.
    """

    name: str
    call: Call | None = None
    target: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    Args:
        name: What is done.
        ours: How we do it.
        others: How others do it.
        pace: How often.
    """

    name: str
    ours: Call
    others: Sequence[Other]
    pace: Pace
    setting: str = field(default="")

    def rows(self) -> list[Row]:
        """Measure ours with each of the others in turn, a pair at a time.

        A pair has the caches to itself: a third that works on other blocks would slow down one of
        the two and not the other.
        """
        return [self._row(other) for other in self.others]

    def _row(self, other: Other) -> Row:
        against = f"{self.name}, against {other.name}"
        if other.call is None:
            return Row.missing(against, other.why)
        calls: Mapping[str, Call] = {"ours": self.ours, "other": other.call}
        q = in_turn(calls, rounds=self.pace.rounds, pause_s=self.pace.pause_s)
        ours, theirs = q["ours"], q["other"]
        return Row(
            self.name,
            ours.p50,
            ours.p99,
            "us",
            f"{other.name}: {theirs.p50:.3g}, p99 {theirs.p99:.3g}",
            ours.p50 / theirs.p50,
            "; ".join(filter(None, (self.pace.words, self.setting))),
            p999=ours.p999,
            target=other.target,
        )
