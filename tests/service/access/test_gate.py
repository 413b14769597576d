"""Tokens, tickets, hosts and origins, over a real server."""

import json

import pytest
from starlette.requests import HTTPConnection
from support.service import (
    EEG,
    FakeSource,
    Parts,
    Running,
    async_test,
    ramps,
    running,
    settings_for_tests,
)
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hadua.models.features import Modality
from hadua.service.access.errors import (
    HostRefusedError,
    OriginRefusedError,
    TokenRefusedError,
    TooManyRequestsError,
)
from hadua.service.access.places import Places
from hadua.service.access.roles import LOCAL, Role
from hadua.service.access.secrets import digest_of, matching, new_token
from hadua.service.access.tickets import MOST, VALID_S, Tickets


def guarded(**changes: object) -> Parts:
    return Parts(settings=settings_for_tests(require_token=True, **changes))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def a_request(host: str, origin: str | None = None) -> HTTPConnection:
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return HTTPConnection({"type": "http", "headers": headers})


@async_test
async def test_without_tokens_everybody_on_this_machine_is_local() -> None:
    async with running(Parts()) as service:
        who = (await service.http.get("/api/v1/whoami")).json()

    assert who == {"name": "local", "role": "admin", "with_token": False}


@async_test
async def test_a_token_opens_what_its_role_allows_until_it_is_revoked() -> None:
    async with running(guarded()) as service:
        admin = service.service.storage.add_token("anna", Role.ADMIN)
        answer = await service.http.post(
            "/api/v1/tokens", json={"name": "booth-7", "role": "viewer"}, headers=bearer(admin)
        )
        token = answer.json()["token"]
        listed = await service.http.get("/api/v1/tokens", headers=bearer(admin))
        again = await service.http.post(
            "/api/v1/tokens", json={"name": "booth-7", "role": "viewer"}, headers=bearer(admin)
        )
        before = await service.http.get("/api/v1/whoami", headers=bearer(token))
        gone = await service.http.delete("/api/v1/tokens/booth-7", headers=bearer(admin))
        after = await service.http.get("/api/v1/whoami", headers=bearer(token))
        twice = await service.http.delete("/api/v1/tokens/booth-7", headers=bearer(admin))
        trail = await service.http.get("/api/v1/audit", headers=bearer(admin))

    assert before.json() == {"name": "booth-7", "role": "viewer", "with_token": True}
    assert (again.status_code, again.json()["code"]) == (409, "token-exists")
    assert [t["name"] for t in gone.json()["tokens"]] == ["anna"]
    assert (after.status_code, after.json()["code"]) == (401, "token-refused")
    assert (twice.status_code, twice.json()["code"]) == (404, "token-unknown")
    assert token not in listed.text
    assert token not in trail.text
    assert [(e["actor"], e["action"]) for e in trail.json()["entries"]][-2:] == [
        ("anna", "token added"),
        ("anna", "token revoked"),
    ]


@async_test
async def test_no_token_is_in_the_data_folder() -> None:
    async with running(guarded()) as service:
        storage = service.service.storage
        token = storage.add_token("anna", Role.ADMIN)
        storage.flush()
        rows = storage.database.read(lambda c: c.exec_driver_sql("SELECT * FROM tokens").all())

    assert token not in str(rows)
    assert digest_of(token) in str(rows)


@async_test
async def test_a_ticket_opens_one_websocket() -> None:
    parts = guarded()
    parts.startup = {Modality.EEG: FakeSource(ramps(EEG, 3))}
    async with running(parts) as service:
        token = service.service.storage.add_token("anna", Role.VIEWER)
        ticket = (await service.http.post("/api/v1/tickets", headers=bearer(token))).json()
        url = f"{service.ws_url}/api/v1/ws?ticket={ticket['ticket']}"
        async with connect(url) as socket:
            hello = json.loads(await socket.recv())
        second = await refusal(url)
        with_header = await hear_hello(service, token)
        without = await refusal(f"{service.ws_url}/api/v1/ws")
        wrong = await refusal(f"{service.ws_url}/api/v1/ws?ticket=nonsense")
        as_token = await service.http.get(f"/api/v1/whoami?ticket={ticket['ticket']}")

    assert hello["type"] == with_header["type"] == "hello"
    assert (second, without, wrong) == (401, 401, 401)
    assert as_token.status_code == 401


async def refusal(url: str) -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url):
            raise AssertionError
    return caught.value.response.status_code


async def hear_hello(service: Running, token: str) -> dict[str, object]:
    url = f"{service.ws_url}/api/v1/ws"
    async with connect(url, additional_headers=bearer(token)) as socket:
        hello: dict[str, object] = json.loads(await socket.recv())
        return hello


@async_test
async def test_guessing_is_slowed_down_and_those_who_know_are_not() -> None:
    async with running(guarded()) as service:
        token = service.service.storage.add_token("anna", Role.VIEWER)
        guesses = [
            await service.http.get("/api/v1/whoami", headers=bearer(new_token())) for _ in range(12)
        ]
        known = await service.http.get("/api/v1/whoami", headers=bearer(token))

    assert [g.status_code for g in guesses] == [401] * 10 + [429] * 2
    assert guesses[-1].headers["retry-after"] == "10"
    assert known.status_code == 200


@async_test
async def test_one_address_asks_so_often_and_not_more() -> None:
    async with running(Parts(settings=settings_for_tests(requests_per_s=0.5))) as service:
        answers = [(await service.http.get("/api/v1/whoami")).status_code for _ in range(7)]
        alive = await service.http.get("/healthz")

    assert answers == [200] * 5 + [429] * 2
    assert alive.status_code == 200


@pytest.mark.parametrize(
    ("host", "sent", "origin"),
    [
        ("127.0.0.1", "127.0.0.1:8000", None),
        ("127.0.0.1", "localhost:8000", "http://localhost:3000"),
        ("127.0.0.1", "[::1]:8000", "http://[::1]:8000"),
        ("0.0.0.0", "192.168.1.7:8000", "http://192.168.1.7:8000"),
        ("booth7.lab", "booth7.lab:8000", "http://booth7.lab:8000"),
        ("0.0.0.0", "booth7.lab", "https://lab.example"),
    ],
)
def test_what_is_ours_may_ask(host: str, sent: str, origin: str | None) -> None:
    places = Places(host, names=["Booth7.lab"], origins=["https://lab.example/"])
    places.require(a_request(sent, origin))


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("127.0.0.1", "evil.example"),  # a name that was made to point to 127.0.0.1
        ("127.0.0.1", ""),
        ("127.0.0.1", "192.168.1.7"),
        ("0.0.0.0", "evil.example:8000"),
        ("127.0.0.1", "[::1"),
    ],
)
def test_a_name_that_is_not_ours_is_refused(host: str, sent: str) -> None:
    with pytest.raises(HostRefusedError, match="a request for another machine"):
        Places(host).require(a_request(sent))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://192.168.1.7", "http://localhost.evil.example"]
)
def test_a_page_that_is_not_ours_is_refused(origin: str) -> None:
    with pytest.raises(OriginRefusedError, match="a page from elsewhere"):
        Places("127.0.0.1").require(a_request("127.0.0.1:8000", origin))


def test_a_ticket_is_worth_something_for_a_while_and_only_so_many_wait() -> None:
    now_s = [0.0]
    tickets = Tickets(clock=lambda: now_s[0])
    old = tickets.give(LOCAL)
    now_s[0] = VALID_S + 0.1
    with pytest.raises(TokenRefusedError, match="opens nothing"):
        tickets.take(old)
    first, *rest = [tickets.give(LOCAL) for _ in range(MOST + 1)]
    with pytest.raises(TokenRefusedError, match="opens nothing"):
        tickets.take(first)
    assert all(tickets.take(ticket) is LOCAL for ticket in rest)


def test_a_digest_is_found_among_others_or_not() -> None:
    known = [digest_of(new_token()) for _ in range(5)]

    assert [matching(each, known) for each in known] == known
    assert matching(digest_of(new_token()), known) is None
    assert TooManyRequestsError.code == "too-many-requests"


@async_test
async def test_answers_carry_headers_that_make_browsers_careful() -> None:
    async with running(Parts()) as service:
        api = await service.http.get("/api/v1/whoami")
        page = await service.http.get("/")

    assert api.headers["cache-control"] == "no-store"
    assert api.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in api.headers


@async_test
async def test_wherever_they_ask_other_pages_and_names_are_refused() -> None:
    """By the gate of every route and WebSocket, not by whoever remembers to ask it."""
    async with running(Parts()) as service:
        elsewhere = ({"Origin": "http://evil.example"}, {"Host": "evil.example"})
        for headers in elsewhere:
            for path in ("/api/v1/sessions", "/metrics", "/v2", "/api/v1/participants"):
                answer = await service.http.get(path, headers=headers)
                assert answer.status_code == 403, (path, headers)
        for path in ("ws", "sessions/s-1/ws"):
            with pytest.raises(InvalidStatus, match="403"):
                await connect(f"{service.ws_url}/api/v1/{path}", additional_headers=elsewhere[0])
