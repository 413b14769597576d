"""What the routes of `/api/v1` share: who is asked, who may ask, and how an answer is written."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from hadua.service.access.roles import Principal, role_for
from hadua.service.openapi import refusals
from hadua.service.service import Service, service_of

TURNED_AWAY = (
    *("origin-refused", "host-refused", "token-missing", "token-refused"),
    *("role-too-low", "too-many-requests"),
)


async def admitted(request: Request) -> Principal:
    """Dependency: who asks, if they may ask this route."""
    extra = getattr(request.scope.get("route"), "openapi_extra", None)
    return await service_of(request).gate.admit(request, role_for(request.method, extra))


def service(request: Request) -> Service:
    """Dependency: the service that is asked."""
    return service_of(request)


Asked = Annotated[Service, Depends(service)]
Asker = Annotated[Principal, Depends(admitted)]


def api_router(tag: str) -> APIRouter:
    """A router under `/api/v1` for routes of one kind."""
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        dependencies=[Depends(admitted)],
        responses=refusals(*TURNED_AWAY),
    )


def answer(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The body as JSON."""
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )
