"""The WebSocket of the contract: frames out, every send and close with a time limit.

A client that does not take a frame in time misses it; one that does so twice in a row, or once
under the policy `lossless`, is closed with 1013, and its connection is cut if even that does not
get through.
"""

import asyncio
from typing import TypeVar

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from hadua.models.errors import HaduaError, UsageError
from hadua.service import problems
from hadua.service.config import expectation
from hadua.service.origin import OriginRefusedError, require_local_origin
from hadua.service.rate_limit import RateLimit
from hadua.service.service import Service, service_of
from hadua.service.session import Session
from hadua.service.subscriber import STOPPING, TRY_AGAIN_LATER, Outgoing, Subscriber
from hadua.service.subscription import AllSessions, OneSession, Start
from hadua.service.wire import Hello, encode

POLICY_VIOLATION = 1008
UNKNOWN_SESSION = 4404
BAD_QUERY = 4422
TIMEOUTS_ALLOWED = {"latest": 1, "lossless": 0}
REASON_BYTES = 123  # RFC 6455: what is left of a control frame
MESSAGES_IN_10_S = 100  # nothing is expected; some libraries send texts to keep a connection alive

Query = TypeVar("Query", bound=AllSessions)

router = APIRouter()
_log = structlog.get_logger("hadua.websocket")


@router.websocket("/api/v1/ws")
async def all_sessions(websocket: WebSocket) -> None:
    """Frames of every session, from now on."""
    await Connection(websocket, service_of(websocket)).serve(None, AllSessions)


@router.websocket("/api/v1/sessions/{session_id}/ws")
async def one_session(websocket: WebSocket, session_id: str) -> None:
    """Frames of one session: from now on, or all that are kept with a `seq` above `after_seq`."""
    await Connection(websocket, service_of(websocket)).serve(session_id, OneSession)


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

    async def serve(self, session_id: str | None, query_type: type[AllSessions]) -> None:
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
            query = _query(self._websocket, query_type)
            sessions = self._sessions(session_id)
        except HaduaError as error:
            code = BAD_QUERY if isinstance(error, UsageError) else UNKNOWN_SESSION
            await self._close(code, error.what)
            return
        await self._follow(session_id, sessions, query)

    def _sessions(self, session_id: str | None) -> list[Session]:
        known = self._service.sessions
        return known.all() if session_id is None else [known.get(session_id)]

    async def _follow(
        self, session_id: str | None, sessions: list[Session], query: AllSessions
    ) -> None:
        starts = [Start.of(session, query) for session in sessions]
        settings = self._service.settings
        lossless = query.policy == "lossless"
        subscriber = Subscriber(
            session_id,
            capacity=settings.lossless_frames if lossless else settings.client_frames,
            policy=query.policy,
            kinds=query.types,
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
            last_seq=alone.publisher.journal.last_seq if alone else 0,
            state=str(alone.state) if alone else "",
            service=self._service.version,
            bundle=self._service.bundle_info,
            sessions=tuple(session.id for session in sessions),
        )
        return Outgoing(encode(hello))

    async def _listen(self, subscriber: Subscriber) -> None:
        """Notice when the client leaves; what it says is not used, and may not be much."""
        limit = RateLimit(MESSAGES_IN_10_S, span_s=10.0, clock=asyncio.get_running_loop().time)
        while (await self._websocket.receive())["type"] != "websocket.disconnect":
            if not limit.allows():
                self._drop(subscriber, "client sends too much")
                await self._close(POLICY_VIOLATION, "nothing is expected from a client")
                break
        subscriber.close()

    async def _send_all(self, subscriber: Subscriber, hello: Outgoing) -> None:
        outgoing: Outgoing | None = hello
        while outgoing is not None and await self._send(subscriber, outgoing):
            outgoing = await subscriber.next()

    async def _send(self, subscriber: Subscriber, outgoing: Outgoing) -> bool:
        """Send one text; False ends the connection."""
        if not outgoing.text:
            return await self._give_up(subscriber)
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
        if outgoing.close is not None:
            await self._close(outgoing.close, STOPPING)
        return outgoing.close is None

    async def _missed(self, subscriber: Subscriber, outgoing: Outgoing) -> bool:
        if outgoing.published_s is not None and subscriber.policy == "latest":
            subscriber.missed()
        self._timeouts += 1
        if self._timeouts <= TIMEOUTS_ALLOWED[subscriber.policy] and outgoing.close is None:
            return True
        return await self._give_up(subscriber)

    async def _give_up(self, subscriber: Subscriber) -> bool:
        self._drop(subscriber, "client does not read")
        await self._close(TRY_AGAIN_LATER, "too slow: come again with after_seq")
        return False

    def _drop(self, subscriber: Subscriber, why: str) -> None:
        _log.warning(why, frames_dropped=subscriber.frames_dropped)
        self._service.metrics.clients_dropped.inc()

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._websocket.close(code, _fitting(reason))
        except TimeoutError:
            self._cut()
        except (WebSocketDisconnect, RuntimeError):
            self._cut()

    def _cut(self) -> None:
        client = self._websocket.client
        if client is not None:
            self._service.cut((client.host, client.port))


def _fitting(reason: str) -> str:
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")


def _query(websocket: WebSocket, query_type: type[Query]) -> Query:
    """The query of the URL.

    Raises:
        UsageError: a parameter that there is not, or a value that cannot be.
    """
    try:
        return query_type.model_validate(dict(websocket.query_params))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(f"{name}: expected {expectation(first)}") from error
