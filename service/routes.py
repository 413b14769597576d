"""REST of the contract, as far as it is built."""

import functools
from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from hadua.adapters.sources.source import Source
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Modality
from hadua.service import problems
from hadua.service.origin import require_local_origin
from hadua.service.requests import Predict, StartSession, Windows
from hadua.service.service import Service, service_of
from hadua.service.session import Session
from hadua.service.stateless import Block
from hadua.service.wire import MarkerFrame, StatusFrame

PREDICTIONS_AT_MOST = 1000


def local_origin(request: Request) -> None:
    """Dependency: no page from elsewhere may make this machine do something."""
    require_local_origin(request)


def service(request: Request) -> Service:
    """Dependency: the service that is asked."""
    return service_of(request)


Asked = Annotated[Service, Depends(service)]
_PROBLEM: dict[int | str, dict[str, object]] = {
    "default": {
        "description": "A problem document (RFC 9457)",
        "content": {problems.MEDIA_TYPE: {"schema": {"type": "object"}}},
    }
}
router = APIRouter(prefix="/api/v1", dependencies=[Depends(local_origin)], responses=_PROBLEM)


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A session as REST shows it."""

    id: str
    epoch: int
    last_seq: int
    participant: str | None
    status: StatusFrame
    reports: dict[str, dict[str, object]]
    last_marker: MarkerFrame | None
    problem: problems.Problem | None


@router.get("/streams")
async def list_streams(
    asked: Asked, timeout_s: Annotated[float, Query(gt=0.0, le=10.0)] = 1.0
) -> Response:
    """Streams on the network right now."""
    search = functools.partial(asked.list_streams, timeout_s)
    found = await asked.blocking(asked.pool, search)
    return _json({"streams": found})


@router.get("/sessions")
async def list_sessions(asked: Asked) -> Response:
    """All sessions that are known, oldest first."""
    return _json({"sessions": [describe(session) for session in asked.sessions.all()]})


@router.post("/sessions", status_code=201)
async def start_session(asked: Asked, body: StartSession) -> Response:
    """Start a session. It is `starting`: its state says when the streams were found."""
    texts = {Modality.EEG: body.eeg, Modality.EYE: body.gaze}
    sources: Mapping[Modality, Source] = {
        modality: asked.parse_source(text, modality=modality)
        for modality, text in texts.items()
        if text is not None
    }
    session = asked.sessions.start(sources, session_id=body.id, participant=body.participant)
    location = f"/api/v1/sessions/{session.id}"
    return _json(describe(session), status=201, headers={"Location": location})


@router.get("/sessions/{session_id}")
async def get_session(asked: Asked, session_id: str) -> Response:
    """One session: state, streams, mapping reports, counters."""
    return _json(describe(asked.sessions.get(session_id)))


@router.post("/sessions/{session_id}/stop")
async def stop_session(asked: Asked, session_id: str) -> Response:
    """Stop a session and wait until it has ended; stopping twice is no error."""
    session = await asked.sessions.stop(session_id)
    return _json(describe(session))


@router.get("/sessions/{session_id}/predictions")
async def predictions(
    asked: Asked,
    session_id: str,
    after_seq: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=PREDICTIONS_AT_MOST)] = 100,
) -> Response:
    """Predictions that are still kept, oldest first: the frames of the WebSocket.

    `next_after_seq` continues, within one epoch; `first_seq` above `after_seq` + 1 means that some
    were let go.
    """
    session = asked.sessions.get(session_id)
    journal = session.publisher.journal
    after_seq = 0 if after_seq > journal.last_seq else after_seq  # it is of an earlier epoch
    kept = journal.after(after_seq)
    wanted = [item for item in kept if item.kind == "prediction"]
    page = wanted[:limit]
    seen = page[-1].seq if len(page) < len(wanted) else journal.last_seq
    body = {
        "session_id": session.id,
        "epoch": session.epoch,
        "first_seq": journal.first_seq,
        "next_after_seq": seen,
        "predictions": [msgspec.Raw(item.text.encode()) for item in page],
    }
    return _json(body)


@router.get("/bundles")
async def bundles(asked: Asked) -> Response:
    """The bundle that sessions run, with its feature definitions."""
    return _json({"bundles": [asked.bundle_info]})


@router.post("/predict")
async def predict(asked: Asked, body: Predict) -> Response:
    """Probabilities of feature windows, null for a label that is not sure; nothing is kept."""
    sent = {Modality.EEG: body.eeg, Modality.EYE: body.eye}
    blocks = {m: _block(m, windows) for m, windows in sent.items() if windows is not None}
    predictor = asked.predictor
    predict_all = functools.partial(predictor.predict, blocks)
    probabilities = await asked.blocking(predictor.executor, predict_all)
    classes, abstain_below = asked.bundle_info.classes, asked.bundle.manifest.abstain_below
    return _json(
        {
            "bundle": asked.bundle.id,
            "classes": classes,
            "probabilities": probabilities.tolist(),
            "labels": [
                classes[int(row.argmax())] if row.max() >= abstain_below else None
                for row in probabilities
            ],
        }
    )


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
        problem=problems.of_error(session.error) if session.error else None,
    )


def _block(modality: Modality, windows: Windows) -> Block:
    return Block(windows.definition, windows.version, _array(modality, windows))


def _array(modality: Modality, windows: Windows) -> FloatArray:
    try:
        return np.array(windows.values, np.float64)
    except ValueError:
        raise InvalidInputError(
            f"{modality} values",
            got="rows of different lengths",
            expected="[n][T][d], every row of the same length",
            hint="Leave out windows of which a part was not measured.",
        ) from None


def _json(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )
