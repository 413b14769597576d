"""The fleet: booths say how they are, and whoever may look sees all of them."""

import functools
from typing import Annotated, ClassVar

from fastapi import APIRouter, Path
from starlette.responses import Response

from hadua.models.errors import HaduaError
from hadua.service.access.roles import Role, needs
from hadua.service.cluster.fleet import BOOTH, BoothState, FleetInfo, Heartbeat, PoolInfo
from hadua.service.cluster.link import PoolLink
from hadua.service.openapi import answers
from hadua.service.rest import Asked, answer, api_router
from hadua.service.service import Service

router: APIRouter = api_router("fleet")
_Booth = Annotated[str, Path(pattern=BOOTH, description="As `GET fleet` says it.")]


class BoothUnknownError(HaduaError):
    """A booth that never announced itself, or was forgotten."""

    code: ClassVar[str] = "booth-unknown"


@router.get("/fleet", responses=answers(FleetInfo))
async def fleet(asked: Asked) -> Response:
    """Every booth that computes its predictions here, and how long ago it said something."""
    return answer(_info(asked))


@router.post(
    "/fleet/booths",
    responses=answers(FleetInfo, body=True),
    openapi_extra=needs(Role.OPERATOR),
)
async def announce(asked: Asked, body: Heartbeat) -> Response:
    """A booth says that it is there, and how it is; it says so every two seconds."""
    asked.fleet.hear(body)
    return answer(_info(asked))


@router.delete(
    "/fleet/booths/{booth}",
    responses=answers(
        FleetInfo, "booth-unknown", "invalid-request", "storage-failed", "service-stopping"
    ),
    openapi_extra=needs(Role.OPERATOR),
)
async def forget(booth: _Booth, asked: Asked) -> Response:
    """Let go of a booth that is not there any more; one that lives comes back by itself."""
    known = asked.fleet.forget(booth)
    call = functools.partial(asked.storage.forget_booth, booth)
    await asked.blocking(asked.pool, call)
    if not known:
        raise BoothUnknownError(f"booth {booth!r} is not known", hint="`GET fleet` lists them.")
    return answer(_info(asked))


def _info(asked: Service) -> FleetInfo:
    link = asked.booth.link if asked.booth is not None else None
    told = asked.fleet.info(
        replicas=asked.replicas,
        fits=asked.fits.info(),
        pool=None if link is None else _pool(link),
    )
    for state in BoothState:
        n = sum(booth.state == state for booth in told.booths)
        asked.metrics.booths.labels(str(state)).set(n)
    return told


def _pool(link: PoolLink) -> PoolInfo:
    return PoolInfo(
        address=link.address,
        state=str(link.state),
        reason=link.reason,
        outcomes={str(outcome): n for outcome, n in link.counts().items()},
    )
