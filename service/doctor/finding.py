"""What a check says."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hadua.models.errors import HaduaError


class State(StrEnum):
    """How bad it is, best first."""

    OK = "ok"
    NOTE = "note"  # worth knowing
    WARNING = "warning"  # a session runs, and may not be what one thinks
    PROBLEM = "problem"  # a session would not run


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: Name of the check, a heading of `docs/doctor.md`.
        state: How bad it is.
        looked_at: What was looked at.
        found: What was found.
        fix: What to do, in words that a student can follow; empty if nothing is to be done.
    """

    check: str
    state: State
    looked_at: str
    found: str
    fix: str = ""


def worst(findings: Iterable[Finding]) -> State:
    """The worst state among them."""
    order = list(State)
    return max((f.state for f in findings), key=order.index, default=State.OK)


def told(error: HaduaError, *, otherwise: str) -> tuple[str, str]:
    """What an error found, and what it says to do; `otherwise` where it says nothing."""
    if not error.hint:
        return str(error), otherwise
    return str(error).removesuffix(error.hint).strip(), error.hint
