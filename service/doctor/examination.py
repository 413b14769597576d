"""Runs the checks one after the other: none can hang the examination, and none can end it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.visit import Visit


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Args:
        name: A heading of `docs/doctor.md`.
        looked_at: What it looks at, for people.
        look: Looks; gives at least one finding.
        bound_s: Time after which it is given up.
        network: Whether it looks at more than this computer.
    """

    name: str
    looked_at: str
    look: Callable[[Visit], Sequence[Finding]]
    bound_s: float = 5.0
    network: bool = False


def examine(visit: Visit, checks: Sequence[Check]) -> Iterator[Finding]:
    """The findings of all checks, as they come."""
    for check in checks:
        if visit.request.network or not check.network:
            yield from _bounded(check, visit)


def _bounded(check: Check, visit: Visit) -> Sequence[Finding]:
    """The findings of one check; a late or broken check is a finding, too."""
    outcome: list[Sequence[Finding]] = []

    def work() -> None:
        try:
            outcome.append(check.look(visit))
        except Exception as error:  # noqa: BLE001 - the one place where a check's faults end
            outcome.append([_broken(check, error)])

    # A daemon: some calls of liblsl cannot be interrupted, and must not hold up the end.
    thread = threading.Thread(target=work, name=f"doctor-{check.name}", daemon=True)
    thread.start()
    thread.join(check.bound_s)
    return outcome[0] if outcome else [_late(check)]


def _broken(check: Check, error: Exception) -> Finding:
    return Finding(
        check.name,
        State.WARNING,
        check.looked_at,
        f"this check itself failed: {type(error).__name__}: {error}",
        "It says nothing about your set-up. Please report it, with this line.",
    )


def _late(check: Check) -> Finding:
    return Finding(
        check.name,
        State.WARNING,
        check.looked_at,
        f"no answer within {check.bound_s:g} s; this check was given up",
        "Try again. If it stays so, is the computer very busy, or a network drive not reachable?",
    )
