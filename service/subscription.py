"""What a WebSocket client asks for in its URL, and where it therefore begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from hadua.service.journal import Kind, Published
from hadua.service.session import Session
from hadua.service.storage.storage import Storage
from hadua.service.subscriber import Key, Policy

FRAMES_AT_MOST = 20_000  # of a backlog from the database: the newest; a gap says what is before


def _listed(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


_AS_TEXT = {"type": "string", "examples": ["prediction,status"]}
_Kinds = Annotated[
    frozenset[Kind], BeforeValidator(_listed), Field(min_length=1), WithJsonSchema(_AS_TEXT)
]


class AllSessions(BaseModel):
    """Query of `/api/v1/ws`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Policy = Field(
        "latest",
        description="When the client is slow. `latest`: the newest frames win, and a `gap` says "
        "what is missing. `lossless`: it is closed with 1013, and resumes with `after_seq`.",
    )
    types: _Kinds | None = Field(
        None,
        description="Types of frames to send, with commas between them; all if not given. A `seq` "
        "that is left out is then of another type, unless a `gap` covers it.",
    )


class OneSession(AllSessions):
    """Query of `/api/v1/sessions/{id}/ws`."""

    after_seq: int | None = Field(
        None,
        ge=0,
        description="Send what is kept with a larger `seq` first; without it, only what is new.",
    )
    epoch: int | None = Field(
        None,
        ge=0,
        description="Epoch of `after_seq`: if the session is in another by now, all of it is sent.",
    )


@dataclass(frozen=True, slots=True)
class Start:
    """Where a client begins: what it is taken to know, and what it gets before live frames."""

    informed: dict[Key, int]
    backlog: list[Published]

    @classmethod
    def now(cls, session: Session) -> "Start":
        """A client that wants what comes."""
        return cls({(session.id, session.epoch): session.publisher.journal.last_seq}, [])

    @classmethod
    def after(
        cls, session: Session, seq: int, *, epoch: int | None, stored: Sequence[Published]
    ) -> "Start":
        """A client that has heard `seq` of an epoch, and gets what was said since.

        Args:
            session: What it follows.
            seq: The last that it heard.
            epoch: Of `seq`, if it says so.
            stored: What the database has of that, oldest first.
        """
        journal, now = session.publisher.journal, (session.id, session.epoch)
        informed = {now: known_seq(session, seq, epoch=epoch)}
        if epoch is not None and epoch < session.epoch:
            informed = {(session.id, epoch): seq, **informed}
        older = [i for i in stored if (i.epoch, i.seq) < (session.epoch, journal.first_seq)]
        return cls(informed, older + journal.after(informed[now]))


def known_seq(session: Session, after_seq: int, *, epoch: int | None) -> int:
    """Up to which `seq` of the present epoch somebody is informed who knows `after_seq`."""
    if epoch not in (None, session.epoch):
        return 0
    # Without an epoch, a `seq` that is yet to come can only be one of an earlier life.
    return after_seq if after_seq <= session.publisher.journal.last_seq else 0


def is_older(session: Session, after_seq: int, *, epoch: int | None) -> bool:
    """Whether memory does not reach back to what somebody has last heard."""
    known = known_seq(session, after_seq, epoch=epoch)
    another_life = epoch is not None and epoch < session.epoch
    return another_life or known + 1 < session.publisher.journal.first_seq


def stored_frames(storage: Storage, session: Session, query: OneSession) -> list[Published]:
    """What the database has of a session since the client was there; blocks.

    Raises:
        StorageError: the database does not answer.
    """
    seq = query.after_seq or 0
    epoch = session.epoch if query.epoch is None else query.epoch
    if query.epoch is None:
        seq = known_seq(session, seq, epoch=None)
    rows = storage.frames_since(session.id, epoch=epoch, seq=seq, limit=FRAMES_AT_MOST)
    return [Published(session.id, *row) for row in rows]
