"""Bytes as they come from a socket: HTTP requests and WebSocket frames, against the whole service.

No socket is used: uvicorn's protocol gets the bytes, the application answers into a transport that
keeps them. A fault is an answer with status 500, an error that asyncio or uvicorn had to log, or
a connection that is neither answered nor waiting for more.
"""

import asyncio
import logging
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from random import Random

from fuzz.mutation import damaged
from fuzz.target import Feed, Target
from fuzz.trees import json_damaged
from support.doctor import FakeHost, FakeNetwork
from support.service import (
    FakePipeline,
    FakeRuntime,
    Parts,
    fake_bundle,
    personal_of,
    settings_for_tests,
)

from hadua.models.errors import HaduaError
from hadua.service.app import build_service, create_app
from hadua.service.doctor.surroundings import Surroundings
from hadua.service.engine import Engine
from hadua.service.server import Server
from hadua.service.service import Service
from hadua.service.storage.storage import Storage

ANSWER_S = 20.0
LINGER_S = 0.02  # before the client hangs up; for those that wait for more of the request
_SESSION = b'{"eeg": "lsl:type=EEG", "id": "s", "participant": "P01", "markers": ["a"]}'
_MARKER = (
    b'{"text": "a=b", "client_s": 1.0, "exchanges": '
    b'[{"asked_s": 1, "received_s": 2, "replied_s": 3, "heard_s": 4}]}'
)
_WINDOWS = b'{"eeg": {"definition": "hadua-de", "version": 1, "values": [[[1.0, null]]]}}'
_TENSORS = (
    b'{"id": "1", "inputs": ['
    b'{"name": "eeg", "shape": [1, 1, 2], "datatype": "FP32", "data": [1.0, 2.0]}, '
    b'{"name": "eye", "shape": [1, 1, 3], "datatype": "FP32", "data": [0, 0, 0]}, '
    b'{"name": "present", "shape": [1, 1, 2], "datatype": "BOOL", "data": [true, true]}]}'
)
BODIES = (
    ("POST", "/api/v1/sessions", _SESSION),
    ("POST", "/api/v1/participants", b'{"id": "P01"}'),
    ("POST", "/api/v1/participants/P01/consent", b'{"notice": "n/1", "recorded_by": "anna"}'),
    ("POST", "/api/v1/tokens", b'{"name": "booth", "role": "viewer"}'),
    ("POST", "/api/v1/sessions/s/markers", _MARKER),
    ("POST", "/api/v1/sessions/s/calibration", b'{"plan": {"rest_s": 1}}'),
    ("POST", "/api/v1/sessions/s/labels", b'{"label": "calm", "start_s": 0.0, "end_s": 1.0}'),
    ("POST", "/api/v1/sessions/s/mapping", b'{"modality": "eeg", "key": "0123456789abcdef"}'),
    ("POST", "/api/v1/predict", _WINDOWS),
    ("POST", "/v2/models/fake/infer", _TENSORS),
)
PATHS = (
    "/api/v1/sessions/s/predictions?after_seq=0&limit=5", "/api/v1/sessions?limit=2&after=x",
    "/api/v1/participants/P01", "/api/v1/mappings", "/api/v1/recordings", "/dashboard/app.js",
    "/dashboard/charts/index.js", "/metrics", "/openapi.json", "/", "/api/v1/audit?limit=3",
)  # fmt: skip


def _request(method: str, path: str, body: bytes = b"", *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1:8000", *more]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _upgrade(path: str) -> bytes:
    return _request(
        "GET", path, b"", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Version: 13",
    )  # fmt: skip


def _frame(opcode: int, payload: bytes) -> bytes:
    return bytes((0x80 | opcode, 0x80 | len(payload))) + b"\0\0\0\0" + payload


def seeds() -> list[bytes]:
    """Requests of every kind, and two WebSockets."""
    said = [_request(*body) for body in BODIES] + [_request("GET", path) for path in PATHS]
    said += [
        _request("DELETE", "/api/v1/participants/P01"),
        _request("OPTIONS", "/api/v1/sessions"),
    ]
    frames = (
        _frame(1, b"hello"),
        _frame(2, b"\0\1"),
        _frame(9, b"ping"),
        _frame(8, b"\x03\xe8bye"),
    )
    queries = ("ws?types=prediction", "sessions/s/ws?after_seq=0&policy=lossless&epoch=1")
    return said + [_upgrade(f"/api/v1/{query}") + b"".join(frames) for query in queries]


def _mutate(numbers: Random, requests: Sequence[bytes]) -> bytes:
    data = numbers.choice(requests)
    head, _, body = data.partition(b"\r\n\r\n")
    kind = numbers.getrandbits(8) % 5
    if kind == 0:
        return damaged(numbers, data, requests)
    if kind == 1:
        line, _, rest = head.partition(b"\r\n")
        return damaged(numbers, line) + b"\r\n" + rest + b"\r\n\r\n" + body
    if body.startswith(b"{"):
        body = json_damaged(numbers, body)
        head = head.rpartition(b"\r\n")[0] + f"\r\nContent-Length: {len(body)}".encode()
    elif body:
        body = damaged(numbers, body)
    if kind == 2:
        head = damaged(numbers, head, requests)
    return head + b"\r\n\r\n" + body


class _Transport(asyncio.Transport):
    """Keeps what is written; knows who is there."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 8000)})
        self.written = bytearray()
        self.closed = False
        self.protocol: asyncio.BaseProtocol | None = None

    def write(self, data: "bytes | bytearray | memoryview[int]") -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.protocol is not None
        return self.protocol


class ServedWithoutSocket:
    """The service on an event loop of its own.

    Args:
        folder: For its data.
    """

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._faults: list[str] = []
        self._loop.set_exception_handler(lambda _, context: self._faults.append(str(context)))
        self.storage = storage = Storage.open(folder, unix_clock=time.time)
        parts, loop = Parts(), self._loop
        settings = settings_for_tests(data_dir=folder, requests_per_s=1e6, max_sessions=1)

        def make_service() -> Service:
            return build_service(
                settings, bundle=fake_bundle(), make_engine=lambda _: Engine(FakePipeline()),
                load_runtime=FakeRuntime, parse_source=parts.parse, list_streams=lambda _: [],
                storage=storage, clock=loop.time, unix_clock=time.time,
                personal=personal_of(folder, fake_bundle()),
                here=Surroundings(FakeHost(), FakeNetwork()),
            )  # fmt: skip

        self.app = app = create_app(make_service)
        self._server = Server(app, drain=lambda: asyncio.sleep(0.0))
        config = self._server.config
        config.load()
        self._life = app.router.lifespan_context(app)
        self._loop.run_until_complete(self._life.__aenter__())
        handler = logging.Handler()
        handler.emit = lambda record: self._faults.append(record.getMessage())  # type: ignore[method-assign]
        for name in ("uvicorn.error", "hadua.http"):
            logger = logging.getLogger(name)
            logger.handlers[:], logger.propagate = [handler], False
            logger.setLevel(logging.ERROR)

    def close(self) -> None:
        """End the application and its loop."""
        self._loop.run_until_complete(self._life.__aexit__(None, None, None))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def feed(self, data: bytes, *, linger_s: float = LINGER_S) -> bytes:
        """Send the bytes in two pieces, and hang up; what was answered within `linger_s`."""
        return self._loop.run_until_complete(self._feed(data, linger_s))

    async def _feed(self, data: bytes, linger_s: float) -> bytes:
        server = self._server
        transport = _Transport()
        http = server.config.http_protocol_class(
            config=server.config, server_state=server.server_state, app_state={}, _loop=self._loop
        )  # type: ignore[call-arg] # uvicorn's own protocols take these
        transport.set_protocol(http)
        http.connection_made(transport)
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            protocol = transport.get_protocol()
            if piece and not transport.closed and isinstance(protocol, asyncio.Protocol):
                protocol.data_received(piece)
                await asyncio.sleep(0)
        running = [task for task in server.server_state.tasks if not task.done()]
        if running and not data.startswith(b"GET /api/v1/ws"):
            await asyncio.wait(running, timeout=linger_s)
        transport.get_protocol().connection_lost(None)
        running = [task for task in server.server_state.tasks if not task.done()]
        if running:
            _, waiting = await asyncio.wait(running, timeout=ANSWER_S)
            if waiting:
                self._faults.append(f"{len(waiting)} requests that never end")
        faults, self._faults = self._faults, []
        if faults or b"HTTP/1.1 500" in transport.written:
            raise FaultyAnswerError(f"{faults}: {bytes(transport.written[:300])!r}")
        return bytes(transport.written)


class FaultyAnswerError(Exception):
    """The service failed at a request."""


class NotServedError(HaduaError):
    """The service said no; which is what it ought to say to most of this."""


def _served(folder: Path) -> Feed:
    service = ServedWithoutSocket(folder)

    def feed(data: bytes) -> None:
        answered = service.feed(data)
        if not answered.startswith((b"HTTP/1.1 2", b"HTTP/1.1 101")):
            raise NotServedError("refused, or not answered before the connection ended")

    weakref.finalize(feed, service.close)
    return feed


TARGETS = (
    Target(
        "http", "the service: HTTP/1.1 and WebSocket bytes, every route", seeds, _mutate, _served
    ),
)
