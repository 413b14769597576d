"""A WebSocket client that costs next to nothing: it notes when bytes came, and answers pings.

With a full client, a hundred in one process would measure their own parsing.
"""

import asyncio
import os
import struct
import time

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class PlainClient(asyncio.Protocol):
    """Collects `(unix time of receipt, text)`.

    Args:
        host: Of the service.
        path: Of the socket.
    """

    def __init__(self, host: str, path: str) -> None:
        self.texts: list[tuple[float, bytes]] = []
        self.greeted = asyncio.Event()
        self.closed_s: float | None = None
        self.transport: asyncio.Transport | None = None
        self._request = UPGRADE.format(host=host, path=path).encode()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now_s = time.time()
        self._buffer += data
        if not self.greeted.is_set():
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise SystemExit(head.decode())
            self._buffer = rest
            self.greeted.set()
        while (frame := self._take_frame()) is not None:
            opcode, payload = frame
            if opcode == TEXT:
                self.texts.append((now_s, payload))
            elif opcode == PING and self.transport is not None:
                self.transport.write(_masked(PONG, payload))

    def connection_lost(self, error: Exception | None) -> None:
        self.closed_s = time.time()
        self.greeted.set()

    def _take_frame(self) -> tuple[int, bytes] | None:
        """The next whole frame; the service sends none in pieces."""
        if len(self._buffer) < 2:
            return None
        begin, n = 2, self._buffer[1]
        if n == 126:
            begin, n = 4, struct.unpack_from("!H", self._buffer.ljust(4), 2)[0]
        elif n == 127:
            begin, n = 10, struct.unpack_from("!Q", self._buffer.ljust(10), 2)[0]
        if len(self._buffer) < begin + n:
            return None
        opcode, payload = self._buffer[0] & 0xF, self._buffer[begin : begin + n]
        self._buffer = self._buffer[begin + n :]
        return opcode, payload


def _masked(opcode: int, payload: bytes) -> bytes:
    mask = os.urandom(4)
    body = bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload))
    return bytes((0x80 | opcode, 0x80 | len(payload))) + mask + body
