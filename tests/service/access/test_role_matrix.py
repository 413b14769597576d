"""Every route with every role: who may not, may not, and nobody gets in without a token."""

import pytest
from support.service import Parts, async_test, running, settings_for_tests

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


def no_service() -> None:
    raise AssertionError


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


@async_test
async def test_every_route_with_every_role() -> None:
    settings = settings_for_tests(require_token=True)
    async with running(Parts(settings=settings)) as service:
        storage = service.service.storage
        tokens = {role: storage.add_token(str(role), role) for role in Role}
        for method, path, needed in routes():
            url = path.replace("{participant}", "P01").replace("{name}", "nobody")
            url = url.replace("{session_id}", "s-1")
            nobody = await service.http.request(method, url)
            assert nobody.status_code == 401, (method, path)
            assert nobody.headers["www-authenticate"].startswith("Bearer")
            for role, token in tokens.items():
                headers = {"Authorization": f"Bearer {token}"}
                status = (await service.http.request(method, url, headers=headers)).status_code
                turned_away = status in (401, 403)
                assert turned_away == (role.rank < needed.rank), (method, path, role, status)


@async_test
async def test_what_says_nothing_of_anybody_is_open() -> None:
    async with running(Parts(settings=settings_for_tests(require_token=True))) as service:
        for path in ("/healthz", "/readyz", "/openapi.json", "/"):
            assert (await service.http.get(path)).status_code == 200
        assert (await service.http.get("/metrics")).status_code == 401
