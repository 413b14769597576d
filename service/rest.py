"""What the routes of `/api/v1` share: who is asked, who may ask, and how an answer is written."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from hadua.service.openapi import refusals
from hadua.service.origin import require_local_origin
from hadua.service.service import Service, service_of


def local_origin(request: Request) -> None:
    """Dependency: no page from elsewhere may make this machine do something."""
    require_local_origin(request)


def service(request: Request) -> Service:
    """Dependency: the service that is asked."""
    return service_of(request)


Asked = Annotated[Service, Depends(service)]


def api_router(tag: str) -> APIRouter:
    """A router under `/api/v1` for routes of one kind."""
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        dependencies=[Depends(local_origin)],
        responses=refusals("origin-refused"),
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
