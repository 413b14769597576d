"""Sends one client what waits for it, until it or the service leaves.

A client that does not take a frame in time misses it; one that does so twice in a row, or once
under the policy `lossless`, is closed with 1013.
"""

import asyncio

import structlog

from hadua.service.client_socket import ClientSocket, GoneError
from hadua.service.rate_limit import RateLimit
from hadua.service.service import Service
from hadua.service.subscriber import OVERFLOW, STOPPING, TRY_AGAIN_LATER, Outgoing, Subscriber

POLICY_VIOLATION = 1008
TIMEOUTS_ALLOWED = {"latest": 1, "lossless": 0}
MESSAGES_IN_10_S = 100  # nothing is expected; some libraries send texts to keep a connection alive

_log = structlog.get_logger("hadua.websocket")


class Sender:
    """One client from `hello` to close.

    Args:
        socket: Accepted.
        subscriber: What waits for the client.
        service: Whose figures are counted into.
    """

    def __init__(self, socket: ClientSocket, subscriber: Subscriber, service: Service) -> None:
        self._socket = socket
        self._subscriber = subscriber
        self._service = service
        self._timeouts = 0

    async def run(self, hello: Outgoing) -> None:
        """Send all there is, until the client or the service leaves."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._send_all(hello))

    async def _listen(self) -> None:
        """Notice when the client leaves; what it says is not used, and may not be much."""
        limit = RateLimit(MESSAGES_IN_10_S, span_s=10.0, clock=asyncio.get_running_loop().time)
        while await self._socket.hear():
            if not limit.allows():
                self._count_dropped("client sends too much")
                await self._socket.close(POLICY_VIOLATION, "nothing is expected from a client")
                break
        self._subscriber.close()

    async def _send_all(self, hello: Outgoing) -> None:
        outgoing: Outgoing | None = hello
        try:
            while outgoing is not None and await self._send(outgoing):
                outgoing = await self._subscriber.next()
        except GoneError:
            return

    async def _send(self, outgoing: Outgoing) -> bool:
        """Send one text, or none; False ends the connection."""
        try:
            if outgoing.text:
                await self._socket.send(outgoing.text)
        except TimeoutError:
            return await self._missed(outgoing)
        if outgoing.close == TRY_AGAIN_LATER:
            return await self._give_up()
        self._timeouts = 0
        self._subscriber.delivered(outgoing)
        if outgoing.published_s is not None:
            taken_s = self._service.clock() - outgoing.published_s
            self._service.metrics.send_s.observe(taken_s)
        if outgoing.close is not None:
            await self._socket.close(outgoing.close, STOPPING)
        return outgoing.close is None

    async def _missed(self, outgoing: Outgoing) -> bool:
        if outgoing.is_frame and self._subscriber.policy == "latest":
            self._subscriber.missed()
        self._timeouts += 1
        allowed = TIMEOUTS_ALLOWED[self._subscriber.policy]
        if self._timeouts <= allowed and outgoing.close is None:
            return True
        return await self._give_up()

    async def _give_up(self) -> bool:
        self._count_dropped("client does not read")
        await self._socket.close(TRY_AGAIN_LATER, OVERFLOW)
        return False

    def _count_dropped(self, why: str) -> None:
        _log.warning(why, frames_dropped=self._subscriber.frames_dropped)
        self._service.metrics.clients_dropped.inc()
