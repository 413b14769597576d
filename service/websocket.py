"""The WebSocket of the contract: whom it accepts, and where a client begins."""

import functools
from typing import TypeVar

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError

from hadua.models.errors import HaduaError, UsageError
from hadua.service import problems
from hadua.service.access.roles import Role
from hadua.service.client_socket import ClientSocket
from hadua.service.config import expectation
from hadua.service.sender import Sender
from hadua.service.service import Service, service_of
from hadua.service.session import Session
from hadua.service.sessions import SessionUnknownError
from hadua.service.subscriber import TRY_AGAIN_LATER, Outgoing, Subscriber
from hadua.service.subscription import AllSessions, OneSession, Start, is_older, stored_frames
from hadua.service.wire import Hello, encode

UNKNOWN_SESSION = 4404
BAD_QUERY = 4422

Query = TypeVar("Query", bound=AllSessions)

router = APIRouter()


@router.websocket("/api/v1/ws")
async def all_sessions(websocket: WebSocket) -> None:
    """Frames of every session, from now on."""
    if (connection := await Connection.accept(websocket)) is not None:
        await connection.serve_all()


@router.websocket("/api/v1/sessions/{session_id}/ws")
async def one_session(websocket: WebSocket, session_id: str) -> None:
    """Frames of one session: from now on, or all that are kept with a `seq` above `after_seq`."""
    if (connection := await Connection.accept(websocket)) is not None:
        await connection.serve_one(session_id)


class Connection:
    """One client's wish, from handshake to close.

    Args:
        websocket: Accepted.
        service: What it asks.
    """

    def __init__(self, websocket: WebSocket, service: Service) -> None:
        self._websocket = websocket
        self._service = service
        timeout_s = service.settings.send_timeout_s
        self._socket = ClientSocket(websocket, timeout_s=timeout_s, cut=service.cut)

    @classmethod
    async def accept(cls, websocket: WebSocket) -> "Connection | None":
        """Shake hands; None where that is refused."""
        service = service_of(websocket)
        try:
            await service.gate.admit(websocket, Role.VIEWER)
        except HaduaError as error:
            await websocket.send_denial_response(problems.response(problems.of_error(error)))
            return None
        await websocket.accept()
        connection = cls(websocket, service)
        if len(service.hub) >= service.settings.max_clients:
            await connection._socket.close(TRY_AGAIN_LATER, "too many clients")
            return None
        return connection

    async def serve_all(self) -> None:
        """Every session, from now on."""
        try:
            query = _query(self._websocket, AllSessions)
        except HaduaError as error:
            await self._refuse(error)
            return
        sessions = self._service.sessions.all()
        starts = [Start.now(session) for session in sessions]
        await self._follow(None, starts, query, self._hello(None, starts))

    async def serve_one(self, session_id: str) -> None:
        """One session, from where the client says."""
        try:
            query = _query(self._websocket, OneSession)
            session = self._service.sessions.get(session_id)
            start = await self._start(session, query)
        except HaduaError as error:
            await self._refuse(error)
            return
        await self._follow(session_id, [start], query, self._hello(session, [start]))

    async def _start(self, session: Session, query: OneSession) -> Start:
        if query.after_seq is None:
            return Start.now(session)
        stored = []
        if is_older(session, query.after_seq, epoch=query.epoch):
            look = functools.partial(stored_frames, self._service.storage, session, query)
            stored = await self._service.blocking(self._service.pool, look)
        return Start.after(session, query.after_seq, epoch=query.epoch, stored=stored)

    async def _follow(
        self, session_id: str | None, starts: list[Start], query: AllSessions, hello: Hello
    ) -> None:
        settings, metrics = self._service.settings, self._service.metrics
        lossless = query.policy == "lossless"
        subscriber = Subscriber(
            session_id,
            capacity=settings.lossless_frames if lossless else settings.client_frames,
            policy=query.policy,
            kinds=query.types,
            backlog=[item for start in starts for item in start.backlog],
            informed={key: seq for start in starts for key, seq in start.informed.items()},
            on_drop=metrics.frames_dropped.inc,
            write_now=self._socket.write_now,
        )
        self._service.hub.add(subscriber)
        try:
            with metrics.clients.track_inprogress():
                sender = Sender(self._socket, subscriber, self._service)
                await sender.run(Outgoing(encode(hello)))
        finally:
            self._service.hub.remove(subscriber)

    def _hello(self, session: Session | None, starts: list[Start]) -> Hello:
        return Hello(
            session_id=session.id if session else None,
            epoch=session.epoch if session else 0,
            seq=starts[0].informed[session.id, session.epoch] if session else 0,
            last_seq=session.publisher.journal.last_seq if session else 0,
            state=str(session.state) if session else "",
            time_unix=self._service.unix_clock(),
            service=self._service.version,
            bundle=self._service.bundle_info,
            sessions=tuple(
                {session_id: None for start in starts for session_id, _ in start.informed}
            ),
        )

    async def _refuse(self, error: HaduaError) -> None:
        codes = {UsageError: BAD_QUERY, SessionUnknownError: UNKNOWN_SESSION}
        await self._socket.close(codes.get(type(error), TRY_AGAIN_LATER), error.what)


def _query(websocket: WebSocket, query_type: type[Query]) -> Query:
    """The query of the URL.

    Raises:
        UsageError: a parameter that there is not, or a value that cannot be.
    """
    try:
        said = dict(websocket.query_params)
        said.pop("ticket", None)  # which the gate has taken
        return query_type.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(f"{name}: expected {expectation(first)}") from error
