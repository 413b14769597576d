"""Every route with every role: who may not, may not, and nobody gets in without a token."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route, WebSocketRoute
from support.service import Parts, Running, async_test, running, settings_for_tests
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hadua.service.access.roles import Role, role_for
from hadua.service.app import create_app

OPEN = {"/healthz", "/readyz", "/openapi.json", "/asyncapi.json", "/"}
OPEN |= {"/v2/health/live", "/v2/health/ready"}
ADMIN = {
    ("DELETE", "/api/v1/participants/{participant}"),
    ("GET", "/api/v1/participants/{participant}/export"),
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/settings"),
    ("GET", "/api/v1/tokens"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/{name}"),
}
"""Written out by hand, so that a route does not become everybody's by a slip."""
OPERATOR = {
    ("GET", "/api/v1/recordings"),
    ("GET", "/api/v1/preflight"),
    ("GET", "/api/v1/fleet/fits/{ticket}"),
}
VIEWER = {
    ("POST", "/api/v1/tickets"),
    ("POST", "/api/v1/predict"),
    ("POST", "/v2/models/{name}/infer"),
}


PAGE = Path(__file__).parents[3] / "docs" / "roles.md"
WHO: tuple[Role | None, ...] = (None, *Role)


@dataclass(frozen=True)
class Row:
    """One way to ask, and who may."""

    method: str
    path: str
    may: dict[Role | None, bool]


def no_service() -> None:
    raise AssertionError


def ways(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of everything that the application answers to, in the schema or not."""
    found = list[tuple[str, str]]()
    waiting: list[object] = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        within = getattr(route, "original_router", None)
        path = str(getattr(route, "path", ""))
        if within is not None:
            waiting += within.routes
        elif isinstance(route, Mount):
            found.append(("GET", f"{path}/*"))
        elif isinstance(route, Route):
            found += [(m, path) for m in (route.methods or ()) if m not in ("HEAD", "OPTIONS")]
        elif isinstance(route, WebSocketRoute):
            found.append(("WEBSOCKET", path))
        else:
            raise TypeError(f"a way to ask that this test does not know: {route!r}")
    return found


def routes() -> list[tuple[str, str, Role]]:
    document = create_app(no_service).openapi()  # type: ignore[arg-type] # it is never started
    return [
        (method.upper(), path, role_for(method.upper(), operation))
        for path, operations in document["paths"].items()
        if path not in OPEN
        for method, operation in operations.items()
    ]


def test_the_routes_are_all_there() -> None:
    assert {path for _, path, _ in routes()} >= {path for _, path in ADMIN | OPERATOR | VIEWER}


def expected(method: str, path: str) -> Role:
    if (method, path) in ADMIN:
        return Role.ADMIN
    if (method, path) in OPERATOR:
        return Role.OPERATOR
    if method == "GET" or (method, path) in VIEWER:
        return Role.VIEWER
    return Role.OPERATOR


@pytest.mark.parametrize(("method", "path", "role"), routes())
def test_each_route_asks_for_the_role_that_it_should(method: str, path: str, role: Role) -> None:
    assert role is expected(method, path)


def table() -> list[Row]:
    """What docs/roles.md says."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    rows = []
    for line in lines:
        method, path, *may = (cell.strip(" `") for cell in line.strip("|").split("|"))
        rows.append(Row(method, path, dict(zip(WHO, (cell == "yes" for cell in may), strict=True))))
    return rows


def test_the_table_has_every_way_to_ask_the_application_and_no_other() -> None:
    told = [(row.method, row.path) for row in table()]
    assert sorted(told) == sorted(ways(create_app(no_service)))  # type: ignore[arg-type]
    assert len(set(told)) == len(told)


def test_the_table_says_of_each_route_what_it_asks_for() -> None:
    needed = {(method, path): role for method, path, role in routes()}
    for row in table():
        role = needed.get((row.method, row.path))
        if role is not None:
            assert row.may == {who: who is not None and who.rank >= role.rank for who in WHO}
    assert set(needed) <= {(row.method, row.path) for row in table()}


@async_test
async def test_every_way_with_every_role_is_as_the_table_says() -> None:
    settings = settings_for_tests(require_token=True, requests_per_s=1e6)
    async with running(Parts(settings=settings)) as service:
        storage = service.service.storage
        tokens = {role: storage.add_token(str(role), role) for role in Role}
        for row in table():
            for who in WHO:
                headers = {} if who is None else {"Authorization": f"Bearer {tokens[who]}"}
                status = await asked(service, row, headers)
                assert (status not in (401, 403)) == row.may[who], (row, who, status)
                assert who is not None or status in (200, 401), (row, status)
                assert who is None or status != 401, (row, who)


async def asked(service: Running, row: Row, headers: dict[str, str]) -> int:
    """The status that an asker gets; 101 for a WebSocket that opens."""
    path = re.sub(r"{\w+}", "s-1", row.path)
    path = path.replace("charts/*", "charts/index.js").replace("*", "app.js")
    if row.method == "WEBSOCKET":
        try:
            async with connect(service.ws_url + path, additional_headers=headers):
                return 200
        except InvalidStatus as error:
            return error.response.status_code
    answer = await service.http.request(row.method, path, headers=headers)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.status_code


@async_test
async def test_what_says_nothing_of_anybody_is_open() -> None:
    async with running(Parts(settings=settings_for_tests(require_token=True))) as service:
        for path in ("/healthz", "/readyz", "/openapi.json", "/"):
            assert (await service.http.get(path)).status_code == 200
        assert (await service.http.get("/metrics")).status_code == 401
