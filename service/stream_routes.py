"""What is on the network, and what time it is there."""

import functools
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hadua.service.answers import ClockReading, StreamList
from hadua.service.openapi import answers
from hadua.service.rest import Asked, answer, api_router

router: APIRouter = api_router("streams")


@router.get("/streams", responses=answers(StreamList, "invalid-request", "service-stopping"))
async def list_streams(
    asked: Asked,
    timeout_s: Annotated[float, Query(gt=0.0, le=10.0, description="How long to search.")] = 1.0,
) -> Response:
    """Streams on the network right now: one search, so all of them at once."""
    search = functools.partial(asked.list_streams, timeout_s)
    return answer(StreamList(streams=tuple(await asked.blocking(asked.pool, search))))


@router.get("/clock", responses=answers(ClockReading))
async def read_clock(asked: Asked) -> Response:
    """The service's clock, for clients that time their own markers."""
    received_s = asked.clock()
    return answer(
        ClockReading(received_s=received_s, sent_s=asked.clock(), sent_unix_s=asked.unix_clock())
    )
