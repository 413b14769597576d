"""What a WebSocket client asks for in its URL, and where it therefore begins."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from hadua.service.journal import Kind, Published
from hadua.service.session import Session
from hadua.service.subscriber import Key, Policy


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
    def of(cls, session: Session, query: AllSessions) -> "Start":
        """A client that asks for this of a session. One from another epoch gets all there is."""
        journal, key = session.publisher.journal, (session.id, session.epoch)
        after_seq = None
        if isinstance(query, OneSession) and query.after_seq is not None:
            after_seq = known_seq(session, query.after_seq, epoch=query.epoch)
        if after_seq is None:
            return cls({key: journal.last_seq}, [])
        return cls({key: after_seq}, journal.after(after_seq))


def known_seq(session: Session, after_seq: int, *, epoch: int | None) -> int:
    """Up to which `seq` of the present epoch somebody is informed who knows `after_seq`."""
    if epoch not in (None, session.epoch):
        return 0
    # Without an epoch, a `seq` that is yet to come can only be one of an earlier life.
    return after_seq if after_seq <= session.publisher.journal.last_seq else 0
