"""Attacks on a service that runs: over raw sockets, as those who attack do."""

import asyncio
import inspect
import io
import json
import logging
import re
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import structlog
from support.service import (
    EEG,
    FakePipeline,
    FakeSource,
    Parts,
    Running,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)
from support.sockets import UPGRADE
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hadua.service.access import secrets, stored
from hadua.service.access.gate import Gate
from hadua.service.access.roles import Role
from hadua.service.access.secrets import new_token
from hadua.service.body_limit import BodyLimit
from hadua.service.dashboard.page import PAGES
from hadua.service.logs import configure_logs

LEADING_OUT = (
    "..%2f..%2f..%2fetc%2fpasswd", "..%5c..%5cwindows", "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd", "%2fetc%2fpasswd", "C:%5cWindows", "..%c0%af..%c0%afetc",
    "a%00.js", "%252e%252e%252fetc", "a%0d%0aSet-Cookie:%20x=1",
)  # fmt: skip
BEHIND = (
    "/api/v1/sessions/{}", "/api/v1/sessions/{}/predictions", "/api/v1/sessions/{}/recording",
    "/api/v1/participants/{}", "/api/v1/participants/{}/export", "/api/v1/participants/{}/profiles",
    "/api/v1/mappings/{}", "/api/v1/tokens/{}", "/v2/models/{}", "/dashboard/{}",
    "/dashboard/charts/{}", "/dashboard/pages/{}", "/{}",
)  # fmt: skip
SECRETS_INSIDE = ("root:x:0", "[fonts]", "Traceback", "site-packages", "def install(")


class Raw:
    """A connection that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, service: Running) -> "Raw":
        host, port = service.url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the service hangs up."""
        with suppress(ConnectionError):
            return await self._reader.read()
        return b""

    async def some(self) -> bytes:
        return await self._reader.read(65_536)

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def raw(service: Running) -> AsyncIterator[Raw]:
    connection = await Raw.to(service)
    try:
        yield connection
    finally:
        connection.close()


@async_test
async def test_no_path_and_no_id_leads_out_of_a_folder() -> None:
    async with running(Parts(personal=True)) as service:
        for place in BEHIND:
            for name in LEADING_OUT:
                async with raw(service) as socket:
                    await socket.send(
                        f"GET {place.format(name)} HTTP/1.1\r\nHost: localhost\r\n"
                        "Connection: close\r\n\r\n".encode()
                    )
                    answer = (await socket.rest()).decode("utf-8", "replace")
                status = int(answer.split(" ", 2)[1])
                assert 400 <= status < 500, (place, name, status)
                assert not [text for text in SECRETS_INSIDE if text in answer], (place, name)
                assert "set-cookie" not in answer.partition("\r\n\r\n")[0].lower()


@async_test
async def test_ids_and_files_in_bodies_do_not_lead_out_either(tmp_path: Path) -> None:
    bodies = [
        ("participants", {"id": "../../etc"}),
        ("sessions", {"eeg": "lsl:type=EEG", "id": "../x"}),
        ("sessions", {"eeg": "lsl:type=EEG", "participant": "..\\x"}),
        ("tokens", {"name": "../x", "role": "viewer"}),
        ("sessions/a/recording", {"task": "../../x"}),
        ("sessions/a/mapping", {"modality": "eeg", "key": "../../../../x"}),
    ]
    async with running(Parts(personal=True)) as service:
        for path, body in bodies:
            answer = await service.http.post(f"/api/v1/{path}", json=body)
            assert answer.status_code in (404, 422), path
        kept = service.service.settings.data_dir
        assert not [p for p in kept.parent.glob("*") if p.name in ("x", "etc")]


@async_test
async def test_heads_that_never_end_are_cut_and_hold_up_nobody() -> None:
    async with running(Parts(head_s=0.4)) as service:
        slow = [await Raw.to(service) for _ in range(200)]
        for k, connection in enumerate(slow):
            await connection.send((b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: loc")[k % 3])
        assert (await service.http.get("/healthz")).status_code == 200

        async def trickle(connection: Raw) -> None:
            for letter in b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 10_000:
                await connection.send(bytes((letter,)))
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle(slow[0]))
        assert await asyncio.gather(*(connection.rest() for connection in slow)) == [b""] * 200
        trickling.cancel()
        for connection in slow:
            connection.close()
        await eventually(lambda: len(service.server.server_state.connections) <= 1)
        assert (await service.http.get("/healthz")).status_code == 200


@async_test
async def test_a_second_head_has_no_longer_than_the_first_and_a_websocket_goes_on() -> None:
    gate = asyncio.Event()
    async with (
        running(Parts(head_s=0.3)) as service,
        raw(service) as again,
        connect(f"{service.ws_url}/api/v1/ws") as socket,
    ):
        await again.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await again.some()).startswith(b"HTTP/1.1 200")
        await again.send(b"GET /healthz HT")
        assert await again.rest() == b""
        assert json.loads(await socket.recv())["type"] == "hello"
        asyncio.get_running_loop().call_later(0.5, gate.set)
        await gate.wait()
        await (await socket.ping())  # it is there, long after a head would have been late


@async_test
async def test_a_body_that_does_not_come_ends_in_408() -> None:
    async with running(Parts()) as service:
        for layer in service.service_app.user_middleware:
            if str(layer.cls) == str(BodyLimit):
                layer.kwargs["body_s"] = 0.3
        service.service_app.middleware_stack = service.service_app.build_middleware_stack()
        async with raw(service) as socket:
            await socket.send(
                b"POST /api/v1/participants HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
            )
            answer = await socket.some()
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert b"a whole body within 0.3 s" in answer
        assert (await service.http.get("/healthz")).status_code == 200


SMUGGLED = b"GET /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\n\r\n"


TWO_LENGTHS = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Content-Length: 5\r\nContent-Length: 50",
    b"Content-Length: +5",
    b"Content-Length: 5, 50",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding : chunked",
    b"Content-Length: 0x5",
    b"Content-Length: -1",
    b"Host: elsewhere",
)


@async_test
async def test_requests_with_two_lengths_are_not_two_requests() -> None:
    async with running(Parts()) as service:
        for head in TWO_LENGTHS:
            async with raw(service) as socket:
                await socket.send(
                    b"POST /api/v1/participants HTTP/1.1\r\nHost: localhost\r\n" + head
                    + b"\r\nContent-Type: application/json\r\n\r\n0\r\n\r\n" + SMUGGLED
                )  # fmt: skip
                closing = asyncio.get_running_loop().call_later(0.3, socket.close)
                answer = await socket.rest()
                closing.cancel()
            assert b"200 OK" not in answer, (head, answer)
            assert b'"tokens"' not in answer, head


@async_test
async def test_headers_cannot_be_put_into_an_answer() -> None:
    async with running(Parts()) as service:
        for path in ("/api/v1/participants/a%0d%0aX-Evil:%201", "/a%0d%0aX-Evil:%201"):
            answer = await service.http.get(path)
            assert "x-evil" not in answer.headers
        odd = "http://x\x85X-Evil: 1"
        async with raw(service) as socket:
            await socket.send(
                f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: {odd}\r\n"
                "Idempotency-Key: a\x00b\r\nConnection: close\r\n\r\n".encode("latin-1")
            )
            assert b"X-Evil" not in (await socket.rest()).partition(b"\r\n\r\n")[0]


@async_test
async def test_an_origin_that_is_none_is_refused() -> None:
    async with running(Parts()) as service:
        for origin in (
            "http://[::1",
            "http://[x]:1",
            "//",
            "http://",
            "javascript:1",
            "http://a@b:c",
        ):
            answer = await service.http.get("/api/v1/whoami", headers={"Origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "origin-refused"), origin


@async_test
async def test_only_origins_that_are_named_may_read_answers() -> None:
    lab = "https://lab.example"
    asked = {"Access-Control-Request-Method": "POST", "Origin": lab}
    async with running(Parts(settings=settings_for_tests(allowed_origins=[lab]))) as service:
        ours = await service.http.get("/api/v1/whoami", headers={"Origin": lab})
        preflight = await service.http.options("/api/v1/sessions", headers=asked)
        theirs = await service.http.get("/api/v1/whoami", headers={"Origin": f"{lab}.evil"})
        async with raw(service) as socket:
            await socket.send(
                b"OPTIONS /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Access-Control-Request-Method: POST\r\nOrigin: https://evil.example\r\n\r\n"
            )
            asked_by_others = await socket.rest()
    assert ours.headers["access-control-allow-origin"] == lab
    assert preflight.headers["access-control-allow-origin"] == lab
    assert "access-control-allow-credentials" not in ours.headers
    assert theirs.status_code == 403
    assert "access-control-allow-origin" not in theirs.headers
    assert asked_by_others.startswith(b"HTTP/1.1 400")
    assert b"access-control-allow-origin" not in asked_by_others.lower()


def masked(first: int, payload: bytes, *, length: int | None = None) -> bytes:
    n = len(payload) if length is None else length
    head = bytes((first, 0x80 | n)) if n < 126 else bytes((first, 0xFF)) + struct.pack(">Q", n)
    return head + b"\0\0\0\0" + payload


AGAINST_THE_RULES = (
    (masked(0x81, b"\xff\xfe"), 1007),  # a text that is no UTF-8
    (masked(0x81, b"\xed\xa0\x80"), 1007),
    (masked(0x82, b"x", length=2**40), 1009),
    (masked(0x01, b"x" * 60_000) + masked(0x80, b"x" * 60_000), 1009),
    (masked(0x80, b"goes on from nothing"), 1002),
    (masked(0x01, b"a") + masked(0x81, b"begins anew"), 1002),
    (masked(0x09, b""), 1002),  # a ping in pieces
    (masked(0x89, b"x" * 126), 1002),
    (masked(0xF1, b"bits that nobody agreed on"), 1002),
    (masked(0x83, b"no such kind"), 1002),
    (b"\x81\x05hello", 1002),  # not masked
    (masked(0x88, b"\x03\xec"), 1002),  # a code that is not to be sent
    (masked(0x88, b"\x03"), 1002),
)


@async_test
async def test_frames_that_break_the_rules_close_the_connection() -> None:
    async with running(Parts()) as service:
        for data, code in AGAINST_THE_RULES:
            async with raw(service) as socket:
                host = service.url.removeprefix("http://")
                await socket.send(UPGRADE.format(path="ws", host=host).encode())
                assert b"101" in await socket.some()
                await socket.send(data)
                ended = await socket.rest()
            # What was not read when the service hung up may take its last words along.
            assert struct.pack(">H", code) in ended or (len(data) > 65_536 and not ended), data[:9]
            await eventually(lambda: len(service.service.hub) == 0)
        assert (await service.http.get("/healthz")).status_code == 200


@async_test
async def test_texts_bytes_and_pieces_from_a_client_are_heard_and_do_nothing() -> None:
    async with running(Parts()) as service, connect(f"{service.ws_url}/api/v1/ws") as socket:
        assert json.loads(await socket.recv())["type"] == "hello"
        await socket.send(b"\0\1\2")
        await socket.send(["in ", "pieces"])
        await socket.send('{"type":"hello"}')
        await (await socket.ping())
        assert len(service.service.hub) == 1


def test_a_token_is_compared_in_time_that_says_nothing_of_it() -> None:
    """By the code, not by a clock: digests alone are compared, all of them, by hmac."""
    source = inspect.getsource(secrets.matching)
    assert "hmac.compare_digest(each, digest)" in source
    assert "==" not in source
    assert not {"return", "break"} & set(
        source.partition("for each")[2].partition("return found")[0].split()
    )
    assert "matching(digest_of(token)" in inspect.getsource(stored.StoredTokens.principal_of)
    for place in (Gate, stored.StoredTokens, secrets):
        assert not re.search(r"token\s*(==|!=|in\b(?! force))", code_of(place))


def code_of(place: object) -> str:
    """Source without docstrings and texts."""
    source = inspect.getsource(place)  # type: ignore[arg-type]
    return re.sub(r'""".*?"""|"[^"\n]*"', "", source, flags=re.DOTALL)


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """Everything that is logged, as `hadua-serve` writes it, at its most talkative."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    configure_logs(level="debug", json=False)
    stream = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    clients = [logging.getLogger(name) for name in ("httpx", "httpcore")]  # of these tests
    levels = [client.level for client in clients]
    for client in clients:
        client.setLevel(logging.CRITICAL)
    yield stream
    for client, its in zip(clients, levels, strict=True):
        client.setLevel(its)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


INJECTED = "x\nFAKE level=info logged in as=root\x1b[2J\r\u2028FAKE"


def test_nothing_that_is_logged_begins_a_line_or_moves_a_cursor(said: io.StringIO) -> None:
    structlog.get_logger("hadua.test").warning(f"stream {INJECTED}", name=INJECTED, of=[INJECTED])
    logging.getLogger("library").error("%s", INJECTED)
    text = said.getvalue()
    assert text.count("\n") == 2
    assert not {"\x1b", "\r", "\u2028"} & set(text)
    assert "FAKE" in text


@async_test
async def test_what_clients_send_writes_no_line_of_a_log(said: io.StringIO) -> None:
    source = FakeSource(ramps(EEG, 3))
    async with running(Parts({"lsl:type=EEG": source})) as service:
        await service.http.post("/api/v1/sessions", json={"eeg": "lsl:type=EEG", "id": "a"})
        await service.http.post("/api/v1/sessions", json={"eeg": INJECTED, "id": "b"})
        await service.http.post("/api/v1/sessions/a/markers", json={"text": INJECTED})
        await service.http.post("/api/v1/sessions/a/markers", json={"text": "x\u2028FAKE\x7f"})
        for path in ("/api/v1/sessions/x%0aFAKE%1b[2J", "/x%0aFAKE%1b[2J"):
            async with raw(service) as socket:
                await socket.send(
                    f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \x1b[2J\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                assert b"HTTP/1.1 4" in await socket.rest()
    text = said.getvalue()
    assert not [line for line in text.splitlines() if line.lstrip().startswith("FAKE")]
    assert not {"\x1b", "\r", "\u2028", "\x7f"} & set(text)


@async_test
async def test_a_token_is_in_no_log_no_answer_and_no_problem_whatever_fails(
    said: io.StringIO,
) -> None:
    """Canaries through every way to fail: as a token, in an address, a body, a header, a crash."""
    settings = settings_for_tests(require_token=True, requests_per_s=1e6)
    parts = Parts({"lsl:type=EEG": FakeSource([RuntimeError("broken")])}, settings=settings,
                  pipeline=FakePipeline(error=RuntimeError("broken"), fail_at=0))  # fmt: skip
    answers = []
    async with running(parts) as service:
        good = service.service.storage.add_token("anna", Role.ADMIN)
        bad, ticket = new_token(), new_token()
        for token in (good, bad):
            headers = {"Authorization": f"Bearer {token}"}
            for method, path in (
                ("GET", "/api/v1/whoami"), ("GET", "/api/v1/nowhere"), ("PUT", "/api/v1/sessions"),
                ("POST", "/api/v1/sessions"), ("GET", "/api/v1/audit"), ("GET", "/api/v1/settings"),
                ("GET", "/api/v1/tokens"), ("GET", "/metrics"), ("POST", "/v2/models/x/infer"),
            ):  # fmt: skip
                answers.append(
                    await service.http.request(method, path, headers=headers, content=b"{")
                )
        headers = {"Authorization": f"Bearer {good}"}
        body = {"eeg": "lsl:type=EEG", "id": "a"}
        answers.append(await service.http.post("/api/v1/sessions", json=body, headers=headers))
        answers.append(await service.http.get(f"/api/v1/whoami?ticket={ticket}"))
        answers.append(await service.http.get("/api/v1/whoami", headers={"Authorization": good}))
        with suppress(Exception):
            async with connect(f"{service.ws_url}/api/v1/ws?ticket={ticket}"):
                raise AssertionError
        whole, service.service_app.state.service = service.service_app.state.service, None
        crashed = await service.http.get("/api/v1/sessions", headers=headers)
        service.service_app.state.service = whole
        assert crashed.status_code == 500
        kept = "".join(
            path.read_bytes().decode("latin-1")
            for path in service.service.settings.data_dir.rglob("*") if path.is_file()
        )  # fmt: skip
    logged = said.getvalue()
    assert "Traceback" in logged  # there was a crash, and it was told
    for canary in (good, bad, ticket):
        for text in (logged, kept, crashed.text, *(a.text + str(a.headers) for a in answers)):
            assert canary not in text
            assert canary.removeprefix("hadua_")[:20] not in text


@async_test
async def test_every_role_at_pages_websockets_and_what_is_open() -> None:
    """Beside the routes of the contract (`test_role_matrix`): all else that answers."""
    async with running(Parts(settings=settings_for_tests(require_token=True))) as service:
        storage = service.service.storage
        tokens = {role: storage.add_token(str(role), role) for role in Role}
        for headers in ({}, *({"Authorization": f"Bearer {t}"} for t in tokens.values())):
            for address in PAGES:
                assert (await service.http.get(f"/{address}", headers=headers)).status_code == 200
            for path in ("/openapi.json", "/asyncapi.json", "/dashboard/app.js", "/v2/health/live"):
                assert (await service.http.get(path, headers=headers)).status_code == 200
            for path in ("/docs", "/redoc", "/dashboard/page.py", "/dashboard/", "/.git/config"):
                assert (await service.http.get(path, headers=headers)).status_code in (404, 405)
            wanted = 200 if headers else 401
            for path in ("/metrics", "/v2", "/v2/models/fake"):
                assert (await service.http.get(path, headers=headers)).status_code == wanted
            for path in ("ws", "sessions/a/ws"):
                assert await opened(service, path, headers) is bool(headers)


async def opened(service: Running, path: str, headers: dict[str, str]) -> bool:
    try:
        async with connect(f"{service.ws_url}/api/v1/{path}", additional_headers=headers) as socket:
            with suppress(ConnectionClosed):  # no session of that id: but it was let in
                await socket.recv()
            return True
    except Exception as error:  # noqa: BLE001 - the status is what is looked at
        assert "401" in str(error)  # noqa: PT017
        return False


@async_test
async def test_no_way_of_asking_is_left_out_of_the_matrix() -> None:
    """Methods that no route names are refused on every path, whoever asks."""
    async with running(Parts(settings=settings_for_tests(require_token=True))) as service:
        token = service.service.storage.add_token("anna", Role.ADMIN)
        for method in ("TRACE", "CONNECT", "PATCH", "PROPFIND"):
            for path in ("/api/v1/sessions", "/", "/metrics", "/v2"):
                answer = await service.http.request(
                    method, path, headers={"Authorization": f"Bearer {token}"}
                )
                assert answer.status_code in (400, 404, 405), (method, path)
