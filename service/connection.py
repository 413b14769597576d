"""uvicorn's WebSocket connection, which cannot be held open by a peer that does not read."""

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

UNSENT_BYTES_AT_MOST = 256 * 1024  # pongs are written whether or not the peer reads them
LINGER_S = 2.0  # for the peer to take a close frame, and what was to be sent before it


class BoundedConnection(WebSocketsSansIOProtocol):
    """Cut where uvicorn would wait for ever for what it has written to be read."""

    def data_received(self, data: bytes) -> None:
        """Answer what comes in, until too many answers are not read."""
        super().data_received(data)
        if self.transport.get_write_buffer_size() > UNSENT_BYTES_AT_MOST:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        """The peer does not answer pings: close, and soon cut."""
        super().keepalive_timeout()
        self._cut_soon()

    async def send(self, message: "ASGISendEvent") -> None:
        """Send; after a close, the peer has a little time to take it."""
        await super().send(message)
        if message["type"] == "websocket.close":
            self._cut_soon()

    def _cut_soon(self) -> None:
        asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)
