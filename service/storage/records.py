"""Rows as values."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Consent:
    """That a participant agreed, as an operator recorded it.

    Args:
        given_unix: When.
        notice: Which notice they were shown, by name and version.
        recorded_by: Who says so.
        withdrawn_unix: When they took it back, or None.
    """

    given_unix: float
    notice: str
    recorded_by: str
    withdrawn_unix: float | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant, by pseudonym.

    Args:
        id: The pseudonym.
        created_unix: When it was entered.
        consents: Oldest first.
        sessions: How many of theirs are kept.
    """

    id: str
    created_unix: float
    consents: tuple[Consent, ...] = ()
    sessions: int = 0
    consented: bool = field(init=False)

    def __post_init__(self) -> None:
        in_force = bool(self.consents) and self.consents[-1].withdrawn_unix is None
        object.__setattr__(self, "consented", in_force)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One life of a session; `ended_unix` is None while it runs, or if the service was killed."""

    id: str
    epoch: int
    participant: str | None
    started_unix: float
    ended_unix: float | None
    state: str
    reason: str
    bundle: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token in force: whose it is and what it allows, never the token."""

    name: str
    role: str
    created_unix: float


@dataclass(frozen=True, slots=True)
class BoothRecord:
    """A booth of a fleet: when it was heard last, and what it said, as JSON."""

    name: str
    heard_unix: float
    word: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when. `token` stands for a participant and is no id."""

    n: int
    at_unix: float
    actor: str
    action: str
    token: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has removed; `out_of_reach` are folders of recordings that were not there."""

    sessions: int
    frames: int
    consents: int
    profiles: int = 0
    recordings: int = 0
    files: int = 0
    out_of_reach: tuple[str, ...] = ()
