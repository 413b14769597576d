"""The socket that the service listens on, taken before anything else is started."""

import errno
import os
import socket
from typing import ClassVar

from hadua.models.errors import HaduaError

SEND_BUFFER_BYTES = 32 * 1024  # a client that stops reading is noticed after this much


class PortInUseError(HaduaError):
    """The address cannot be listened on."""

    code: ClassVar[str] = "port-in-use"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; taken before anything else is started.

    Raises:
        PortInUseError: another program has the port, or the address is not ours.
    """
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(info[4][:2], family=info[0], backlog=128)
    except OSError as error:
        raise PortInUseError(
            f"cannot listen on {host!r} port {port}",
            got=_reason(error),
            expected="a free port of this machine",
            hint=_hint(error),
        ) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    # Connections inherit it. asyncio sets it only where the protocol was named; without it the body
    # of an answer waits for the acknowledgement of its head, 40 ms on a kept connection.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _reason(error: OSError) -> str:
    """The system's words alone: asyncio's and socket's helpers put the address into them."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _hint(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Give an address of this machine with --host: 127.0.0.1, or 0.0.0.0 for all."
    if error.errno == errno.EACCES:
        return "Ports below 1024 and reserved ones are not for everybody: choose another, --port."
    return "Stop the program that has it, or choose another with --port."


def url_of(listener: socket.socket, *, scheme: str = "http") -> str:
    """Where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
