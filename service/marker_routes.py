"""Markers over REST, for experiments that do not speak LSL."""

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hadua.adapters.sources.source import Marker
from hadua.service.answers import MarkerAnswer
from hadua.service.idempotency import ONCE, Once
from hadua.service.marker_time import marker_time
from hadua.service.openapi import answers
from hadua.service.outlet import REST
from hadua.service.requests import PostMarker
from hadua.service.rest import Asked, answer, api_router
from hadua.service.service import Service
from hadua.service.session import Session

router: APIRouter = api_router("markers")
SessionId = Annotated[str, Path(description="Id of a session.", examples=["demo"])]


@router.post(
    "/sessions/{session_id}/markers",
    status_code=201,
    responses=answers(
        MarkerAnswer,
        *("session-unknown", "session-over", "storage-failed"),
        *ONCE,
        status=201,
        body=True,
    ),
)
async def post_marker(
    asked: Asked, session_id: SessionId, once: Once, body: PostMarker
) -> Response:
    """Mark what happened. It goes to the session's clients, its recording, and to LSL.

    With `kept` true it is also in the database: a service that is killed from now on loses it not.
    """
    now_s = asked.clock()  # before anything else: it happens as it arrives
    session = asked.sessions.get(session_id)
    return await once(functools.partial(_mark, asked, session, body, now_s))


async def _mark(asked: Service, session: Session, body: PostMarker, now_s: float) -> Response:
    when = marker_time(body, now_s=now_s)
    said = await session.mark(Marker(when.t_s, body.text, REST))
    kept = said and await asked.kept(session)
    uncertainty_ms = None if when.uncertainty_s is None else when.uncertainty_s * 1e3
    told = MarkerAnswer(
        session_id=session.id,
        text=body.text,
        t_s=when.t_s,
        offset_s=when.offset_s,
        uncertainty_ms=uncertainty_ms,
        kept=kept,
    )
    return answer(told, status=201)
