"""Recordings over REST: start, stop, how one stands, and which lie on the disk."""

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hadua.service.access.roles import Role, needs
from hadua.service.answers import FileOfRecording, RecordingAnswer, RecordingList
from hadua.service.config import Identifier
from hadua.service.idempotency import ONCE, Once
from hadua.service.openapi import answers
from hadua.service.paging import After, Limit, page
from hadua.service.recorded_files import RecordedFile
from hadua.service.rest import Asked, answer, api_router
from hadua.service.session_recording import SessionRecording

router: APIRouter = api_router("recordings")
SessionId = Annotated[str, Path(description="Id of a session.", examples=["demo"])]
_NOT_BEGUN = (
    "session-unknown", "session-over", "recording-active", "disk-full", "recording-failed",
)  # fmt: skip


class StartRecording(BaseModel):
    """Body of `POST sessions/{id}/recording`; it may be left out."""

    model_config = ConfigDict(extra="forbid")

    task: Identifier | None = Field(
        None, description="Task in the file's name; the setting record_task if not given."
    )


@router.get(
    "/recordings",
    responses=answers(RecordingList, "cursor-unknown", "invalid-request", "service-stopping"),
    openapi_extra=needs(Role.OPERATOR),
)
async def list_recordings(asked: Asked, after: After = None, limit: Limit = 100) -> Response:
    """The recordings that lie on the disk, newest first, those of earlier runs too."""
    files = asked.recordings
    found = await asked.blocking(asked.pool, files.all)
    mine, more = page(found, key=lambda file: str(file.path), after=after, limit=limit)
    away = tuple(map(str, files.out_of_reach))
    return answer(RecordingList(recordings=tuple(map(_file, mine)), next=more, out_of_reach=away))


@router.get(
    "/sessions/{session_id}/recording", responses=answers(RecordingAnswer, "session-unknown")
)
async def get_recording(asked: Asked, session_id: SessionId) -> Response:
    """The latest recording of a session; null if there was none."""
    return answer(_answer(asked.sessions.get(session_id).recording))


@router.post(
    "/sessions/{session_id}/recording",
    status_code=201,
    responses=answers(RecordingAnswer, *_NOT_BEGUN, *ONCE, status=201, body=True),
)
async def start_recording(
    asked: Asked, session_id: SessionId, once: Once, body: StartRecording | None = None
) -> Response:
    """Record a session from now on, into a new file. Status frames tell how it goes on."""
    recording = asked.sessions.get(session_id).recording
    return await once(functools.partial(_start, recording, body or StartRecording(task=None)))


@router.post(
    "/sessions/{session_id}/recording/stop", responses=answers(RecordingAnswer, "session-unknown")
)
async def stop_recording(asked: Asked, session_id: SessionId) -> Response:
    """End the recording and wait until its file is closed; stopping twice is no error."""
    recording = asked.sessions.get(session_id).recording
    await recording.end()
    return answer(_answer(recording))


async def _start(recording: SessionRecording, body: StartRecording) -> Response:
    await recording.ask(task=body.task)
    return answer(_answer(recording), status=201)


def _answer(recording: SessionRecording) -> RecordingAnswer:
    return RecordingAnswer(recording=recording.status())


def _file(file: RecordedFile) -> FileOfRecording:
    return FileOfRecording(
        path=str(file.path),
        size_bytes=file.size_bytes,
        changed_unix=file.changed_unix,
        participant=file.participant,
        session_id=file.session_id,
    )
