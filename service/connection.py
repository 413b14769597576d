"""uvicorn's WebSocket connection, which cannot be held open by a peer that does not read.

It also takes frames that are framed already: the same bytes go to every client, without a task and
a header for each.
"""

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

UNSENT_BYTES_AT_MOST = 256 * 1024  # pongs are written whether or not the peer reads them
LINGER_S = 2.0  # for the peer to take a close frame, and what was to be sent before it
WRITE_NOW = "hadua.write_now"  # among the extensions of the ASGI scope


def framed(text: str) -> bytes:
    """A text as it goes to every client: servers do not mask, nothing is compressed."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


class BoundedConnection(WebSocketsSansIOProtocol):
    """Cut where uvicorn would wait for ever for what it has written to be read."""

    async def run_asgi(self) -> None:
        """Offer the application `write_now` beside ASGI's own way to send."""
        extensions: dict[str, object] = {**(self.scope["extensions"] or {})}
        extensions[WRITE_NOW] = self.write_now
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]  # a way of our own
        await super().run_asgi()

    def write_now(self, frame: bytes) -> bool:
        """Write a frame that is framed already; False where it would have to wait."""
        gone = self.disconnected or self.close_sent or self.transport.is_closing()
        if gone or not self.handshake_complete or not self.writable.is_set():
            return False
        self.transport.write(frame)
        return True

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
