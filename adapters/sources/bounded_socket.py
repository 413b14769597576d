"""A connected socket for clients that would wait, or allocate, for as long as a server likes."""

import socket
import time

from hadua.adapters.sources.lsl_library import within
from hadua.models.errors import HaduaError

_PIECE_BYTES = 1 << 20
_HEARD_BYTES = 16


class NameTooSlowError(HaduaError):
    """The name of a computer was not resolved in time."""

    code = "name-too-slow"


class OversizedAnswerError(HaduaError):
    """A server announces more than it could ever have to say."""

    code = "oversized-answer"


class BoundedSocket:
    """Sends and receives until a deadline, never more at once than allowed, and knows an end.

    A client that loops over `recv` until it has what a length field promised spins for ever once
    the peer has closed, because `recv` then returns nothing at once; here that is an error.

    Args:
        connected: The socket; owned from now on.

    Attributes:
        heard: The first bytes that ever came, for messages.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._deadline_s = time.monotonic()
        self._limit_bytes = 0
        self.heard = b""

    def allow(self, *, timeout_s: float, limit_bytes: int) -> None:
        """Begin an exchange that may take so long, with no single answer above the limit."""
        self._deadline_s = time.monotonic() + timeout_s
        self._limit_bytes = limit_bytes

    def send(self, data: bytes) -> int:
        """Send what fits; the number of bytes sent.

        Raises:
            OSError: the deadline is over (`TimeoutError`), or the connection.
        """
        self._socket.settimeout(self._left_s())
        return self._socket.send(data)

    def recv(self, n: int) -> bytes:
        """Receive 1 to `n` bytes.

        Raises:
            OSError: the deadline is over (`TimeoutError`), or the connection.
            OversizedAnswerError: `n` is above the limit.
        """
        if n > self._limit_bytes:
            raise OversizedAnswerError(
                "an answer of absurd size",
                got=f"{n} bytes",
                expected=f"at most {self._limit_bytes}",
            )
        self._socket.settimeout(self._left_s())
        received = self._socket.recv(min(n, _PIECE_BYTES))
        if not received:
            raise ConnectionResetError("the other side closed the connection")
        self.heard = (self.heard + received)[:_HEARD_BYTES]
        return received

    def close(self) -> None:
        """Close it; idempotent."""
        self._socket.close()

    def _left_s(self) -> float:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0.0:
            raise TimeoutError("no time left")
        return left_s


def connect(host: str, port: int, *, timeout_s: float) -> BoundedSocket:
    """Connect to the first address of a host that answers; the time holds for each.

    Raises:
        OSError: none answers; `socket.gaierror` if there is no such host.
    """
    try:
        found = within(timeout_s, lambda: _addresses(host, port), late=NameTooSlowError(host))
    except NameTooSlowError as error:
        raise TimeoutError(f"the name {host!r} is not resolved in {timeout_s:.1f} s") from error
    problem = OSError(f"no address for {host!r}")
    for family, address in found:
        peer = socket.socket(family, socket.SOCK_STREAM)
        peer.settimeout(max(timeout_s, 0.01))
        try:
            peer.connect(address)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            peer.close()
            problem = error
        else:
            return BoundedSocket(peer)
    raise problem


_Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, _Address]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is too long for a domain name
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return [(family, address) for family, _, _, _, address in found]
