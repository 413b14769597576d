"""A WebSocket client that is only a socket, so that it can be as rude as it likes."""

import asyncio
import os
import socket

UPGRADE = (
    "GET /api/v1/{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n"
)


async def deaf_socket(url: str, path: str) -> socket.socket:
    """A client that shakes hands and never reads again."""
    loop = asyncio.get_running_loop()
    host, port = url.removeprefix("http://").split(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, (host, int(port)))
    await loop.sock_sendall(sock, UPGRADE.format(path=path, host=host).encode())
    assert b"101" in await loop.sock_recv(sock, 100)
    return sock


def ping_frame(payload: bytes) -> bytes:
    """A masked ping of at most 125 bytes."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload))
    return bytes((0x89, 0x80 | len(payload))) + mask + masked
