"""Liveness, readiness and figures. None depends on a person's stream."""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from hadua.service.service import service_of

router = APIRouter()


@router.get("/healthz")
async def healthz() -> Response:
    """The event loop turns."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether clients should come here; if not, why not."""
    service = service_of(request)
    reasons = ["the service is stopping"] if service.hub.closed else []
    return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Figures in Prometheus' text format."""
    text = service_of(request).metrics.text()
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
