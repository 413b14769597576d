"""Mappings of devices over REST: look, confirm, forget."""

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hadua.service.answers import MappingList, SessionMappings
from hadua.service.openapi import answers
from hadua.service.requests import ConfirmMapping
from hadua.service.rest import Asked, answer, api_router
from hadua.service.session import Session

router: APIRouter = api_router("mappings")
SessionId = Annotated[str, Path(description="Id of a session.", examples=["demo"])]
Key = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Key of a confirmed mapping.")]


@router.get("/sessions/{session_id}/mapping", responses=answers(SessionMappings, "session-unknown"))
async def get_mapping(asked: Asked, session_id: SessionId) -> Response:
    """What became of the session's devices; empty before their streams were found."""
    return answer(_shown(asked.sessions.get(session_id)))


@router.post(
    "/sessions/{session_id}/mapping",
    responses=answers(
        SessionMappings, "session-unknown", "mapping-changed", "service-stopping", body=True
    ),
)
async def confirm_mapping(asked: Asked, session_id: SessionId, body: ConfirmMapping) -> Response:
    """Confirm a mapping, once per device: it is remembered for later sessions."""
    session = asked.sessions.get(session_id)
    confirm = functools.partial(session.mapping.confirm, body.modality, body.key)
    await asked.blocking(asked.pool, confirm)
    session.mapping.noticed()
    return answer(_shown(session))


@router.get("/mappings", responses=answers(MappingList))
async def list_mappings(asked: Asked) -> Response:
    """The mappings that were confirmed, oldest first."""
    return answer(MappingList(mappings=tuple(asked.sessions.mappings.all())))


@router.delete(
    "/mappings/{key}",
    responses=answers(MappingList, "mapping-unknown", "invalid-request", "service-stopping"),
)
async def forget_mapping(asked: Asked, key: Key) -> Response:
    """Forget a confirmed mapping; the others are answered."""
    book = asked.sessions.mappings
    await asked.blocking(asked.pool, functools.partial(book.forget, key))
    return answer(MappingList(mappings=tuple(book.all())))


def _shown(session: Session) -> SessionMappings:
    return SessionMappings(
        mappings=session.mapping.statuses(),
        reports={name: dict(report) for name, report in session.reports().items()},
    )
