"""Participants over REST: who they are, what they agreed to, what is kept of them, and erasure."""

import functools
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from hadua.service.access.roles import Role, needs
from hadua.service.answers import AuditPage, ParticipantPage, RecordPage
from hadua.service.idempotency import ONCE, Once
from hadua.service.openapi import Responses, answers, refusals
from hadua.service.paging import After, CursorUnknownError, Limit
from hadua.service.requests import EnterParticipant, GiveConsent
from hadua.service.rest import Asked, Asker, answer, api_router
from hadua.service.service import Service
from hadua.service.storage.errors import ParticipantBusyError
from hadua.service.storage.records import Erased, Participant
from hadua.service.withdrawn import WITHDRAWN, forget

router: APIRouter = api_router("participants")
Id = Annotated[str, Path(description="Pseudonym of a participant.", examples=["P-01"])]
ZIP = "application/zip"
_ARCHIVE: Responses = {
    200: {
        "description": "A zip archive",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_STORED = ("storage-failed", "service-stopping")
_KNOWN = ("participant-unknown", *_STORED)

T = TypeVar("T")


@router.get("/participants", responses=answers(ParticipantPage, "invalid-request", *_STORED))
async def list_participants(asked: Asked, after: After = None, limit: Limit = 100) -> Response:
    """Participants in the order of their ids."""
    look = functools.partial(asked.storage.participants, after=after or "", limit=limit + 1)
    found = await _in_pool(asked, look)
    more = found[limit - 1].id if len(found) > limit else None
    return answer(ParticipantPage(participants=tuple(found[:limit]), next=more))


@router.post(
    "/participants",
    status_code=201,
    responses=answers(Participant, "participant-exists", *_STORED, *ONCE, status=201, body=True),
)
async def enter_participant(
    asked: Asked, asker: Asker, body: EnterParticipant, once: Once
) -> Response:
    """Enter a participant by a pseudonym."""

    async def enter() -> Response:
        entered = await _in_pool(
            asked, functools.partial(asked.storage.enter, body.id, actor=asker.name)
        )
        location = f"/api/v1/participants/{entered.id}"
        return answer(entered, status=201, headers={"Location": location})

    return await once(enter)


@router.get("/participants/{participant}", responses=answers(Participant, *_KNOWN))
async def get_participant(asked: Asked, participant: Id) -> Response:
    """One participant, with every consent."""
    return answer(await _in_pool(asked, functools.partial(asked.storage.participant, participant)))


@router.delete(
    "/participants/{participant}",
    responses=answers(Erased, "participant-busy", "invalid-input", *_KNOWN),
    openapi_extra=needs(Role.ADMIN),
)
async def erase_participant(asked: Asked, asker: Asker, participant: Id) -> Response:
    """Erase everything that is kept of a participant, and say what that was."""
    require_idle(asked, participant)
    erase = functools.partial(asked.people.erase, participant, actor=asker.name)
    erased = await _in_pool(asked, erase)
    forget(asked, participant)
    return answer(erased)


@router.get(
    "/participants/{participant}/export",
    response_class=FileResponse,
    responses=_ARCHIVE | refusals("profile-invalid", "invalid-input", *_KNOWN),
    openapi_extra=needs(Role.ADMIN),
)
async def export_participant(asked: Asked, participant: Id) -> Response:
    """Everything that is kept of a participant, in one archive."""
    path = await _in_pool(asked, functools.partial(asked.people.export, participant))
    return FileResponse(
        path,
        media_type=ZIP,
        filename=f"{participant}.zip",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


@router.post(
    "/participants/{participant}/consent", responses=answers(Participant, *_KNOWN, body=True)
)
async def give_consent(asked: Asked, asker: Asker, participant: Id, body: GiveConsent) -> Response:
    """Record that a participant has agreed, after the notice was shown to them."""
    record = functools.partial(
        asked.storage.consent,
        participant,
        notice=body.notice,
        recorded_by=body.recorded_by,
        actor=asker.name,
    )
    return answer(await _in_pool(asked, record))


@router.delete("/participants/{participant}/consent", responses=answers(Participant, *_KNOWN))
async def withdraw_consent(asked: Asked, asker: Asker, participant: Id) -> Response:
    """Record that a participant takes their consent back. Sessions that run of theirs are stopped.

    What is kept stays until it is erased.
    """
    withdrawn = await _in_pool(
        asked, functools.partial(asked.storage.withdraw, participant, actor=asker.name)
    )
    for session in asked.sessions.all():
        if session.participant == participant:
            session.stop(because=WITHDRAWN)
    return answer(withdrawn)


@router.get(
    "/participants/{participant}/sessions",
    responses=answers(RecordPage, "invalid-request", "cursor-unknown", *_KNOWN),
)
async def sessions_of(
    asked: Asked, participant: Id, after: After = None, limit: Limit = 100
) -> Response:
    """Every session of a participant that is kept, newest first."""
    await _in_pool(asked, functools.partial(asked.storage.participant, participant))
    return answer(await _records(asked, participant, after=after, limit=limit))


@router.get(
    "/history", responses=answers(RecordPage, "invalid-request", "cursor-unknown", *_STORED)
)
async def history(asked: Asked, after: After = None, limit: Limit = 100) -> Response:
    """Every session that is kept, newest first, those of earlier runs of the service too."""
    return answer(await _records(asked, None, after=after, limit=limit))


@router.get(
    "/audit",
    responses=answers(AuditPage, "invalid-request", *_STORED),
    openapi_extra=needs(Role.ADMIN),
)
async def audit(
    asked: Asked,
    after: Annotated[int, Query(ge=0, le=2**53, description="`next` of the page before.")] = 0,
    limit: Limit = 100,
) -> Response:
    """Who did what, when. It names no participant: a token stands for each."""
    look = functools.partial(asked.storage.trail, after=after, limit=limit + 1)
    found = await _in_pool(asked, look)
    more = found[limit - 1].n if len(found) > limit else None
    return answer(AuditPage(entries=tuple(found[:limit]), next=more))


def require_idle(asked: Service, participant: str) -> None:
    """Raise `ParticipantBusyError` while a session of theirs runs."""
    running = [
        s.id for s in asked.sessions.all() if s.participant == participant and not s.over.is_set()
    ]
    if running:
        raise ParticipantBusyError(
            f"participant {participant!r} cannot be erased",
            got=f"session {running[0]!r} is running",
            expected="no session of theirs",
            hint=f"POST /api/v1/sessions/{running[0]}/stop first.",
        )


async def _records(
    asked: Service, participant: str | None, *, after: str | None, limit: int
) -> RecordPage:
    before = None if after is None else _cursor(after)
    look = functools.partial(
        asked.storage.sessions, participant=participant, before=before, limit=limit + 1
    )
    found = await _in_pool(asked, look)
    last = found[limit - 1] if len(found) > limit else None
    place = None if last is None else f"{last.started_unix!r}:{last.id}"
    return RecordPage(sessions=tuple(found[:limit]), next=place)


def _cursor(after: str) -> tuple[float, str]:
    started, _, session_id = after.partition(":")
    try:
        return float(started), session_id
    except ValueError:
        raise CursorUnknownError(
            f"no place {after!r} to go on after", expected="`next` of a page of this list"
        ) from None


async def _in_pool(asked: Service, call: Callable[[], T]) -> T:
    return await asked.blocking(asked.pool, call)
