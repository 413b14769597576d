"""A client's WebSocket: every send and close has a time limit, and ends in a cut if it must."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from hadua.service.connection import WRITE_NOW

REASON_BYTES = 123  # RFC 6455: what is left of a control frame


class GoneError(Exception):
    """The client is not there any more."""


class ClientSocket:
    """One accepted connection.

    Args:
        websocket: Of the client.
        timeout_s: For one send, and for one close.
        cut: Cuts the connection of a client, by address and port, without a word.
    """

    def __init__(
        self, websocket: WebSocket, *, timeout_s: float, cut: Callable[[tuple[str, int]], None]
    ) -> None:
        self._websocket = websocket
        self._timeout_s = timeout_s
        self._cut_client = cut
        extensions = websocket.scope.get("extensions", {})
        self.write_now: Callable[[bytes], bool] | None = extensions.get(WRITE_NOW)
        """Writes what is framed already at once; None where the server has no such way."""

    async def send(self, text: str) -> None:
        """Send a text.

        Raises:
            TimeoutError: the client does not read; nothing was sent.
            GoneError: it has left.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:
            # uvicorn raises RuntimeError for a send after it gave up on the client's pings.
            self._cut()
            raise GoneError from error

    async def hear(self) -> bool:
        """Wait for a message, whatever it says; False if the client has left."""
        return bool((await self._websocket.receive())["type"] != "websocket.disconnect")

    async def close(self, code: int, reason: str) -> None:
        """Close, or cut where even that does not get through."""
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(self._timeout_s):
                await self._websocket.close(code, _fitting(reason))
            return
        self._cut()

    def _cut(self) -> None:
        client = self._websocket.client
        if client is not None:
            self._cut_client((client.host, client.port))


def _fitting(reason: str) -> str:
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")
