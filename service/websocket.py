"""The WebSocket of the contract: frames out, every send and close with a time limit.

A client that does not take a frame in time misses it; one that does so twice in a row is closed
with 1013, and its connection is cut if even that does not get through.
"""

import asyncio
from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Query, WebSocket
from starlette.websockets import WebSocketDisconnect

from hadua.models.errors import HaduaError
from hadua.service import problems
from hadua.service.hub import Key, Outgoing, Subscriber
from hadua.service.journal import Published
from hadua.service.origin import OriginRefusedError, require_local_origin
from hadua.service.service import Service, service_of
from hadua.service.session import Session
from hadua.service.wire import Hello, encode

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013
UNKNOWN_SESSION = 4404
TIMEOUTS_ALLOWED = 1

router = APIRouter()
_log = structlog.get_logger("hadua.websocket")


@router.websocket("/api/v1/ws")
async def all_sessions(websocket: WebSocket) -> None:
    """Frames of every session, from now on."""
    await Connection(websocket, service_of(websocket)).serve(None, after_seq=None)


@router.websocket("/api/v1/sessions/{session_id}/ws")
async def one_session(
    websocket: WebSocket, session_id: str, after_seq: int | None = Query(None, ge=0)
) -> None:
    """Frames of one session: from now on, or all that are kept with a `seq` above `after_seq`."""
    await Connection(websocket, service_of(websocket)).serve(session_id, after_seq=after_seq)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a client begins: what it is taken to know, and what it gets before live frames."""

    informed: dict[Key, int]
    backlog: list[Published]

    @classmethod
    def of(cls, session: Session, *, after_seq: int | None) -> "Start":
        """A client that last heard `after_seq`. One from an earlier epoch gets all there is."""
        journal, key = session.publisher.journal, (session.id, session.epoch)
        if after_seq is None:
            return cls({key: journal.last_seq}, [])
        if after_seq > journal.last_seq:
            after_seq = 0
        return cls({key: after_seq}, journal.after(after_seq))


class Connection:
    """One client from handshake to close.

    Args:
        websocket: Not accepted yet.
        service: What it asks.
    """

    def __init__(self, websocket: WebSocket, service: Service) -> None:
        self._websocket = websocket
        self._service = service
        self._timeout_s = service.settings.send_timeout_s
        self._timeouts = 0

    async def serve(self, session_id: str | None, *, after_seq: int | None) -> None:
        """Accept or refuse the client, then send until it or the service leaves."""
        try:
            require_local_origin(self._websocket)
        except OriginRefusedError as error:
            await self._websocket.send_denial_response(problems.response(problems.of_error(error)))
            return
        await self._websocket.accept()
        if len(self._service.hub) >= self._service.settings.max_clients:
            await self._close(TRY_AGAIN_LATER, "too many clients")
            return
        try:
            sessions = self._sessions(session_id)
        except HaduaError as error:
            await self._close(UNKNOWN_SESSION, error.what)
            return
        await self._follow(session_id, sessions, after_seq=after_seq)

    def _sessions(self, session_id: str | None) -> list[Session]:
        known = self._service.sessions
        return known.all() if session_id is None else [known.get(session_id)]

    async def _follow(
        self, session_id: str | None, sessions: list[Session], *, after_seq: int | None
    ) -> None:
        starts = [Start.of(session, after_seq=after_seq) for session in sessions]
        subscriber = Subscriber(
            session_id,
            capacity=self._service.settings.client_frames,
            backlog=[item for start in starts for item in start.backlog],
            informed={key: seq for start in starts for key, seq in start.informed.items()},
            on_drop=self._service.metrics.frames_dropped.inc,
        )
        hub, metrics = self._service.hub, self._service.metrics
        hub.add(subscriber)
        try:
            with metrics.clients.track_inprogress():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(subscriber))
                    tasks.create_task(self._send_all(subscriber, self._hello(sessions, starts)))
        finally:
            hub.remove(subscriber)

    def _hello(self, sessions: list[Session], starts: list[Start]) -> Outgoing:
        alone = sessions[0] if len(sessions) == 1 else None
        hello = Hello(
            session_id=alone.id if alone else None,
            epoch=alone.epoch if alone else 0,
            seq=next(iter(starts[0].informed.values())) if alone else 0,
            service=self._service.version,
            bundle=self._service.bundle_info,
            sessions=tuple(session.id for session in sessions),
        )
        return Outgoing(encode(hello))

    async def _listen(self, subscriber: Subscriber) -> None:
        """Notice when the client leaves; what it says is not used."""
        while (await self._websocket.receive())["type"] != "websocket.disconnect":
            pass
        subscriber.close()

    async def _send_all(self, subscriber: Subscriber, hello: Outgoing) -> None:
        outgoing: Outgoing | None = hello
        while outgoing is not None and await self._send(subscriber, outgoing):
            if outgoing.last:
                await self._close(GOING_AWAY, "the service stops")
                return
            outgoing = await subscriber.next()

    async def _send(self, subscriber: Subscriber, outgoing: Outgoing) -> bool:
        """Send one text; False ends the connection."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._websocket.send_text(outgoing.text)
        except TimeoutError:
            return await self._missed(subscriber, outgoing)
        except (WebSocketDisconnect, RuntimeError):
            # uvicorn raises RuntimeError for a send after it gave up on the client's pings.
            self._cut()
            return False
        self._timeouts = 0
        subscriber.delivered(outgoing)
        if outgoing.published_s is not None:
            self._service.metrics.send_s.observe(self._service.clock() - outgoing.published_s)
        return True

    async def _missed(self, subscriber: Subscriber, outgoing: Outgoing) -> bool:
        if outgoing.published_s is not None:
            subscriber.missed()
        self._timeouts += 1
        if self._timeouts <= TIMEOUTS_ALLOWED and not outgoing.last:
            return True
        _log.warning("client does not read", frames_dropped=subscriber.frames_dropped)
        self._service.metrics.clients_dropped.inc()
        await self._close(TRY_AGAIN_LATER, "too slow")
        return False

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._websocket.close(code, reason[:120])
        except TimeoutError:
            self._cut()
        except (WebSocketDisconnect, RuntimeError):
            self._cut()

    def _cut(self) -> None:
        client = self._websocket.client
        if client is not None:
            self._service.cut((client.host, client.port))
