"""A TCP proxy that cuts connections: what it is told to, when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class FlakyProxy:
    """Passes bytes on; `cut` ends all connections, `swallow` the next answer.

    Args:
        target: URL of the service behind it.
    """

    def __init__(self, target: str) -> None:
        self.url = ""
        self.swallow = False
        self.connections = 0
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Cut every connection without a word."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        self.connections += 1
        with suppress(OSError):
            there, here = await asyncio.open_connection(*self._target)
            mine = {writer, here}
            self._writers |= mine
            tasks = [
                asyncio.create_task(self._pass_on(reader, here)),
                asyncio.create_task(self._pass_back(there, writer)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in mine:
                each.transport.abort()
            await asyncio.wait(tasks)
            self._writers -= mine

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self.swallow:
                    self.swallow = False
                    return
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def flaky_proxy(target: str) -> AsyncIterator[FlakyProxy]:
    """A proxy before a service, until the block is left."""
    proxy = FlakyProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    proxy.url = f"http://{host}:{port}"
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
