"""uvicorn, told to leave politely: sessions first, then clients, then connections."""

import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GRACE_S = 1


class Server(uvicorn.Server):
    """Serves an application on a socket, and drains it before connections are closed.

    Args:
        app: The application.
        drain: Awaited first when the server is asked to exit.
    """

    def __init__(self, app: FastAPI, *, drain: Callable[[], Awaitable[None]]) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_ping_interval=5.0,
            ws_ping_timeout=10.0,
            ws_max_size=64 * 1024,
            timeout_graceful_shutdown=GRACE_S,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # `cut` finds a client by its real address
        )
        super().__init__(config)
        self._drain = drain

    def request_exit(self) -> None:
        """Begin to leave; from the loop or a signal handler."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave. A second signal changes nothing: leaving is bounded in time anyway."""
        del sig, frame
        self.request_exit()

    def cut(self, client: tuple[str, int]) -> None:
        """Cut the connection of a client without a word."""
        for connection in self.server_state.connections:
            if isinstance(connection, WebSocketsSansIOProtocol) and connection.client == client:
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close what is left."""
        await self._drain()
        await super().shutdown(sockets)
