"""One server's HTTP, from any thread, with a time for each answer.

One request is one connection's; connections are kept, and one on which an answer is late is closed,
so that a late answer is never taken for the next one.
"""

import http.client
import selectors
import socket
import threading
import time
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from hadua.models.errors import UsageError
from hadua.service.cluster.remote import PoolError, PoolLateError, PoolRefusedError

MOST_BYTES = 1 << 20
T = TypeVar("T")
_LOST = (OSError, http.client.HTTPException)


def pool_address(url: str) -> SplitResult:
    """The parts of a pool's address.

    Raises:
        UsageError: no such URL.
    """
    expected = "the pool's address, as http://pool:8000"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError("--cluster", got=f"{url!r}: {error}", expected=expected) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise UsageError("--cluster", got=repr(url), expected=expected)
    return parts


def decoded(answer: bytes, kind: type[T]) -> T:
    """What an answer says.

    Raises:
        ValueError: anything else; also text that is none, and brackets without an end.
    """
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


class PoolHttp:
    """Connections to one server.

    Args:
        url: As `http://pool:8000`.
        token: Sent as a bearer token, if there is one.

    Raises:
        UsageError: no such URL.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        parts = pool_address(url)
        self.address = f"{parts.scheme}://{parts.netloc}"
        secure = parts.scheme == "https"
        self._kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def ask(
        self,
        method: str,
        path: str,
        body: object | None,
        *,
        within_s: float,
        most_bytes: int = MOST_BYTES,
    ) -> bytes:
        """The body of an answer.

        Args:
            method: Of HTTP.
            path: With its query.
            body: Sent as JSON; None for no body.
            within_s: Time for the answer.
            most_bytes: Most that it may have.

        Raises:
            PoolLateError: none in time.
            PoolError: none, or a refusal.
        """
        sent = None if body is None else msgspec.json.encode(body)
        until_s = time.monotonic() + within_s
        try:
            status, answer = self._exchange(method, path, sent, within_s, most_bytes)
        except TimeoutError as error:
            expected = f"one within {within_s * 1e3:.0f} ms"
            raise PoolLateError(
                f"pool {self.address!r}", got="no answer", expected=expected
            ) from error
        except _LOST as error:
            what = str(error) or type(error).__name__
            raise PoolError(f"pool {self.address!r} does not answer", got=what) from error
        if not 200 <= status < 300:
            said = answer[:200].decode(errors="replace")
            what = f"pool {self.address!r} refuses"
            raise PoolRefusedError(what, got=f"status {status}: {said}", status=status)
        if time.monotonic() > until_s:
            raise PoolLateError(f"pool {self.address!r}", got="an answer after its time")
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, within_s: float, most_bytes: int
    ) -> tuple[int, bytes]:
        connection = self._kept()
        if connection is None:
            connection = self._kind(self._host, self._port, timeout=within_s)
        elif connection.sock is not None:
            connection.sock.settimeout(within_s)
        try:
            connection.request(method, path, body=body, headers=self._headers)
            response = connection.getresponse()
            answer = response.read(most_bytes)
            if response.read(1):
                raise http.client.HTTPException(f"an answer of more than {most_bytes} bytes")
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return response.status, answer

    def _kept(self) -> http.client.HTTPConnection | None:
        """A connection that was used before, and that the server has not closed since."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.sock is None or not _has_come(connection.sock):
                return connection
            connection.close()


def _has_come(sock: socket.socket) -> bool:
    """Whether there is something to read; where nothing was asked, that is the end."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
