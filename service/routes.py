"""Sessions over REST: start, show, list, stop, and what they predicted."""

import functools
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from hadua.adapters.sources.source import Source
from hadua.models.features import Modality
from hadua.service import problems
from hadua.service.answers import PredictionPage, SessionInfo, SessionPage
from hadua.service.idempotency import ONCE, Once
from hadua.service.openapi import answers
from hadua.service.paging import After, Limit, page
from hadua.service.prediction_pages import live_page, stored_page
from hadua.service.requests import StartSession
from hadua.service.rest import Asked, answer, api_router
from hadua.service.service import Service
from hadua.service.session import Session
from hadua.service.subscription import is_older, known_seq

router: APIRouter = api_router("sessions")
SessionId = Annotated[str, Path(description="Id of a session.", examples=["demo"])]
_NOT_STARTED = (
    *("bad-usage", "session-exists", "limit-reached"),
    *("consent-missing", "storage-failed", "service-stopping"),
)


@router.get("/sessions", responses=answers(SessionPage, "invalid-request", "cursor-unknown"))
async def list_sessions(asked: Asked, after: After = None, limit: Limit = 100) -> Response:
    """The sessions that are known, oldest first: those that run and the last that have ended."""
    known, after = page(asked.sessions.all(), key=lambda s: s.id, after=after, limit=limit)
    return answer(SessionPage(sessions=tuple(map(describe, known)), next=after))


@router.post(
    "/sessions",
    status_code=201,
    responses=answers(SessionInfo, *_NOT_STARTED, *ONCE, status=201, body=True),
)
async def start_session(asked: Asked, body: StartSession, once: Once) -> Response:
    """Start a session. It is `starting`: its state says when the streams were found."""
    return await once(functools.partial(_start, asked, body))


async def _start(asked: Service, body: StartSession) -> Response:
    await asked.admit(body.participant)
    texts = {Modality.EEG: body.eeg, Modality.EYE: body.gaze}
    sources: Mapping[Modality, Source] = {
        modality: asked.parse_source(text, modality=modality)
        for modality, text in texts.items()
        if text is not None
    }
    session = asked.sessions.start(
        sources, session_id=body.id, participant=body.participant, markers=body.markers
    )
    location = f"/api/v1/sessions/{session.id}"
    return answer(describe(session), status=201, headers={"Location": location})


@router.get("/sessions/{session_id}", responses=answers(SessionInfo, "session-unknown"))
async def get_session(asked: Asked, session_id: SessionId) -> Response:
    """One session: state, streams, mapping reports, counters."""
    return answer(describe(asked.sessions.get(session_id)))


@router.post("/sessions/{session_id}/stop", responses=answers(SessionInfo, "session-unknown"))
async def stop_session(asked: Asked, session_id: SessionId) -> Response:
    """Stop a session and wait until it has ended; stopping twice is no error."""
    session = await asked.sessions.stop(session_id)
    return answer(describe(session))


@router.get(
    "/sessions/{session_id}/predictions",
    responses=answers(
        PredictionPage, "session-unknown", "invalid-request", "storage-failed", "service-stopping"
    ),
)
async def predictions(
    asked: Asked,
    session_id: SessionId,
    after_seq: Annotated[int, Query(ge=0, description="Show those with a larger `seq`.")] = 0,
    epoch: Annotated[int | None, Query(ge=0, description="Epoch of `after_seq`.")] = None,
    limit: Limit = 100,
) -> Response:
    """Predictions that are kept, oldest first, also of a session of an earlier run of the service.

    `next_after_seq` continues, within one epoch; `first_seq` above `after_seq` + 1 means that some
    were let go.
    """
    session = asked.sessions.find(session_id)
    if session is None or is_older(session, after_seq, epoch=epoch):
        look = functools.partial(
            stored_page, asked.storage, session_id, after_seq, epoch=epoch, limit=limit
        )
        if (stored := await asked.blocking(asked.pool, look)) is not None:
            return answer(stored)
    known = asked.sessions.get(session_id)
    return answer(live_page(known, known_seq(known, after_seq, epoch=epoch), limit=limit))


def describe(session: Session) -> SessionInfo:
    """A session as REST shows it."""
    return SessionInfo(
        id=session.id,
        epoch=session.epoch,
        last_seq=session.publisher.journal.last_seq,
        participant=session.participant,
        status=session.status(),
        reports={name: dict(report) for name, report in session.reports().items()},
        last_marker=session.publisher.last_marker,
        quality=session.publisher.last_quality,
        problem=problems.of_error(session.error) if session.error else None,
        calibration=session.learning.calibration() if session.learning else None,
        adaptation=session.learning.adaptation() if session.learning else None,
    )
