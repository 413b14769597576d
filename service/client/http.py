"""Requests over connections that are kept: standard library, no proxy, a time limit on each."""

import http.client
import random
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from hadua.models.errors import UsageError
from hadua.service.client.backoff import delays_s
from hadua.service.client.calls import Call, encoded
from hadua.service.client.errors import RefusedError, UnreachableError, refusal

TRY_AGAIN = frozenset({"request-in-progress", "service-stopping"})
_LOST = (OSError, http.client.HTTPException)

T = TypeVar("T")


class Http:
    """Carries requests out; safe to share among threads, of which none waits for another.

    A request whose answer was lost is sent again, under the same `Idempotency-Key`: the service
    carries it out once.

    Args:
        url: Of the service, as `http://127.0.0.1:8000`.
        headers: Sent with every request.
        timeout_s: For one try.
        patience_s: For all tries together.
        tls: How to trust an https service; by default as the system does.
        sleep: Waits between tries.

    Raises:
        UsageError: the URL is none of a service.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout_s: float,
        patience_s: float,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"the service's URL {url!r}", expected="one like http://127.0.0.1:8000"
            )
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._host, self._port, self._secure = parts.hostname, parts.port, parts.scheme == "https"
        self._headers = {"Accept": "application/json", **headers}
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._tls = tls
        self._sleep = sleep
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []  # one for each thread that asks at once

    def perform(self, call: Call[T]) -> T:
        """The answer of a request.

        Raises:
            RefusedError: the service says no.
            UnreachableError: it does not answer.
        """
        headers = dict(self._headers)
        if call.method == "POST":
            headers |= {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
        until_s = time.monotonic() + self._patience_s
        fault: Exception | None = None
        for delay_s in delays_s(random.Random()):
            if fault is not None and time.monotonic() + delay_s > until_s:
                raise _unreachable(self.url, fault) from fault
            self._sleep(delay_s)
            try:
                return self._once(call, headers)
            except _LOST as error:
                fault = error
            except RefusedError as error:
                if error.problem.code not in TRY_AGAIN:
                    raise
                fault = error
        raise AssertionError

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _once(self, call: Call[T], headers: Mapping[str, str]) -> T:
        with self._lock:
            connection = self._idle.pop() if self._idle else self._connect()
        try:
            status, body = self._exchange(connection, call, headers)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        if status >= 300:
            raise refusal(status, body)
        return msgspec.json.decode(body, type=call.shape)

    def _exchange(
        self, connection: http.client.HTTPConnection, call: Call[T], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection.timeout = self._timeout_s + call.wait_s
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        connection.request(call.method, call.path, body=encoded(call.body), headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read()

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = self._tls or ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, context=context)
        return http.client.HTTPConnection(self._host, self._port)


def _unreachable(url: str, fault: Exception) -> UnreachableError:
    return UnreachableError(
        f"no answer from {url}", got=str(fault) or type(fault).__name__,
        hint="Is hadua-serve running there?",
    )  # fmt: skip
