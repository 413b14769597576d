"""A FieldTrip buffer of our own for tests: the documented protocol, version 1, and its accidents.

Requests and answers are `version, command, length` (uint16, uint16, uint32) and that many bytes.
An acquisition program puts a header and samples, over the network (`Acquisition`) or by a call;
clients ask for the header, for samples by number, and wait for more. The samples lie in a ring:
those that have left it are answered with an error. Source of the numbers and layouts:
fieldtriptoolbox.org, "Low-level FieldTrip buffer TCP network protocol".
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import numpy.typing as npt

PUT_HDR, PUT_DAT, PUT_OK, PUT_ERR = 0x101, 0x102, 0x104, 0x105
GET_HDR, GET_DAT, GET_OK, GET_ERR = 0x201, 0x202, 0x204, 0x205
WAIT_DAT, WAIT_OK, WAIT_ERR = 0x402, 0x404, 0x405
NAMES, RESOLUTIONS = 1, 3
TYPES = ("S1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")

Array = npt.NDArray[np.generic]


def message(command: int, payload: bytes = b"") -> bytes:
    return struct.pack("=HHI", 1, command, len(payload)) + payload


def header(
    n_channels: int, rate_hz: float, kind: str, *, chunks: Sequence[tuple[int, bytes]] = ()
) -> bytes:
    """The payload of PUT_HDR: fixed part and chunks; `kind` as numpy writes it, as in `f4`."""
    body = b"".join(struct.pack("=II", number, len(data)) + data for number, data in chunks)
    fixed = struct.pack("=IIIfII", n_channels, 0, 0, rate_hz, TYPES.index(kind), len(body))
    return fixed + body


def names(labels: Sequence[str]) -> tuple[int, bytes]:
    return NAMES, b"".join(label.encode() + b"\0" for label in labels)


def resolutions(values: Sequence[float]) -> tuple[int, bytes]:
    return RESOLUTIONS, struct.pack(f"={len(values)}d", *values)


def samples(x: Array) -> bytes:
    """The payload of PUT_DAT for `(n, n_channels)`."""
    own = np.ascontiguousarray(x)
    n, n_channels = own.shape
    fixed = struct.pack("=IIII", n_channels, n, TYPES.index(own.dtype.str[1:]), own.nbytes)
    return fixed + own.tobytes()


class FieldTripServer:
    """A buffer on a free port of the loopback.

    Args:
        ring: Samples kept.
        port: Port, 0 for a free one.
    """

    def __init__(self, *, ring: int = 100_000, port: int = 0) -> None:
        self.ring = ring
        self.requests: list[int] = []
        self.thawed = threading.Event()
        self.thawed.set()
        self._more = threading.Condition()
        self._header: bytes | None = None
        self._rows: list[bytes] = []
        self._count = 0
        self._clients: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    @property
    def source(self) -> str:
        return f"fieldtrip:127.0.0.1:{self.port}"

    def put_header(self, payload: bytes) -> int:
        """As PUT_HDR does: the samples so far are gone, and counting begins at zero."""
        with self._more:
            self._header, self._count, self._rows = payload, 0, []
        return PUT_OK

    def put_data(self, payload: bytes) -> int:
        """As PUT_DAT does."""
        n_channels, n, kind, size = struct.unpack("=IIII", payload[:16])
        with self._more:
            if self._header is None or self._shape(self._header) != (n_channels, kind) or not n:
                return PUT_ERR
            row = size // n
            rows = [payload[16 + i * row : 16 + (i + 1) * row] for i in range(n)]
            self._rows = [*self._rows, *rows][-self.ring :]
            self._count += n
            self._more.notify_all()
        return PUT_OK

    def freeze(self) -> None:
        """Stop answering, without closing anything."""
        self.thawed.clear()

    def hang_up(self) -> None:
        """Close the connections; new ones are taken."""
        for client in list(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thawed.set()
        self.hang_up()
        for thread in self._threads:
            thread.join(5.0)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.add(client)
                self._start(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while len(head := _receive(client, 8)) == 8:
                _, command, size = struct.unpack("=HHI", head)
                payload = _receive(client, size)
                self.requests.append(command)
                answer = self._answer(command, payload)
                self.thawed.wait()
                client.sendall(answer)
        self._clients.discard(client)

    def _answer(self, command: int, payload: bytes) -> bytes:
        if command == PUT_HDR:
            return message(self.put_header(payload))
        if command == PUT_DAT:
            return message(self.put_data(payload))
        if command == GET_HDR:
            return self._get_header()
        if command == GET_DAT:
            return self._get_data(*struct.unpack("=II", payload))
        if command == WAIT_DAT:
            return self._wait(*struct.unpack("=III", payload))
        return message(GET_ERR)

    def _get_header(self) -> bytes:
        with self._more:
            if self._header is None:
                return message(GET_ERR)
            n_channels, _, _, rate_hz, kind, size = struct.unpack("=IIIfII", self._header[:24])
            fixed = struct.pack("=IIIfII", n_channels, self._count, 0, rate_hz, kind, size)
            return message(GET_OK, fixed + self._header[24:])

    def _get_data(self, first: int, last: int) -> bytes:
        with self._more:
            oldest = self._count - len(self._rows)
            if self._header is None or not oldest <= first <= last < self._count:
                return message(GET_ERR)
            n_channels, kind = self._shape(self._header)
            data = b"".join(self._rows[first - oldest : last + 1 - oldest])
        fixed = struct.pack("=IIII", n_channels, last + 1 - first, kind, len(data))
        return message(GET_OK, fixed + data)

    def _wait(self, above: int, events: int, timeout_ms: int) -> bytes:
        del events
        with self._more:
            if self._header is None:
                return message(WAIT_ERR)
            self._more.wait_for(lambda: self._count > above, min(timeout_ms, 60_000) / 1e3)
            return message(WAIT_OK, struct.pack("=II", self._count, 0))

    @staticmethod
    def _shape(payload: bytes) -> tuple[int, int]:
        n_channels, _, _, _, kind, _ = struct.unpack("=IIIfII", payload[:24])
        return n_channels, kind


class Acquisition:
    """The program of an amplifier: puts a header and samples into a buffer over the network."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5.0)

    def put(self, command: int, payload: bytes) -> int:
        """Send one request; the command of the answer."""
        self._socket.sendall(message(command, payload))
        _, answer, _ = struct.unpack("=HHI", _receive(self._socket, 8))
        return int(answer)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def buffer(*, ring: int = 100_000) -> Iterator[FieldTripServer]:
    """A buffer until the block is left."""
    server = FieldTripServer(ring=ring)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def answering(answer: Callable[[bytes], bytes], *, greeting: bytes = b"") -> Iterator[int]:
    """The port of a server that greets, and answers whatever it receives as it is told."""
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                client.sendall(greeting)
                while asked := client.recv(65_536):
                    client.sendall(answer(asked))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        thread.join(5.0)


def _receive(peer: socket.socket, n: int) -> bytes:
    """`n` bytes, or fewer if the peer hangs up."""
    received = b""
    while len(received) < n and (piece := peer.recv(n - len(received))):
        received += piece
    return received
