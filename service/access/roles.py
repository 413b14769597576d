"""What somebody may do, and which routes ask for how much.

A route says with `needs` what it asks for. One that says nothing asks for a viewer if it only
shows, and for an operator if it changes something.
"""

from dataclasses import dataclass
from enum import StrEnum

EXTENSION = "x-role"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Role(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"  # sees sessions, predictions, streams
    OPERATOR = "operator"  # runs sessions, enters participants, records consent
    ADMIN = "admin"  # erases, exports, reads the audit trail, gives and takes tokens

    @property
    def rank(self) -> int:
        """Its place in the order."""
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Args:
        name: Of the token; `local` on a service that listens to its own machine alone.
        role: What they may do.
    """

    name: str
    role: Role


LOCAL = Principal("local", Role.ADMIN)


def needs(role: Role) -> dict[str, object]:
    """`openapi_extra` of a route that asks for that role."""
    return {EXTENSION: str(role)}


def role_for(method: str, extra: object) -> Role:
    """The role that a route asks for.

    Args:
        method: Of the request.
        extra: The route's `openapi_extra`.
    """
    if isinstance(extra, dict) and EXTENSION in extra:
        return Role(str(extra[EXTENSION]))
    return Role.VIEWER if method in _READING else Role.OPERATOR
