"""Liveness, readiness and figures. None depends on a person's stream."""

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from hadua.service.answers import Alive, Readiness
from hadua.service.openapi import answers, refusals
from hadua.service.rest import TURNED_AWAY, admitted, answer
from hadua.service.service import service_of

router = APIRouter(tags=["health"])


@router.get("/healthz", responses=answers(Alive))
async def healthz() -> Response:
    """The event loop turns."""
    return answer(Alive(status="ok"))


@router.get("/readyz", responses=answers(Readiness) | answers(Readiness, status=503))
async def readyz(request: Request) -> Response:
    """Whether clients should come here; if not, why not."""
    service = service_of(request)
    reasons = ("the service is stopping",) if service.hub.closed else ()
    if (unwritten := service.storage.writer.error) is not None:
        reasons = (*reasons, str(unwritten))
    status = 503 if reasons else 200
    return answer(Readiness(ready=not reasons, reasons=reasons), status=status)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[Depends(admitted)],
    responses=refusals(*TURNED_AWAY),
)
async def metrics(request: Request) -> Response:
    """Figures in Prometheus' text format."""
    text = service_of(request).metrics.text()
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
