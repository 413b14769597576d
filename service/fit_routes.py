"""Calibrations of booths: sent, asked after, and let go of. Nothing of them is written down."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hadua.calibration.fit_parcel import TICKET, FitParcel
from hadua.models.errors import InvalidInputError
from hadua.service.access.roles import Role, needs
from hadua.service.cluster.fits import FitsInfo, FitTold
from hadua.service.cluster.fleet import BOOTH
from hadua.service.openapi import answers
from hadua.service.rest import Asked, answer, api_router

router: APIRouter = api_router("fleet")
_Ticket = Annotated[str, Path(pattern=TICKET, description="As the booth drew it.")]
_Word = Annotated[str, Field(max_length=200)]


class FitAsked(BaseModel):
    """A calibration to fit: features and counts of somebody whom only the booth can name.

    Args:
        booth: Whose turn it takes.
        versions: What the booth would fit it with.
        parcel: The windows, and what is asked for.
    """

    model_config = ConfigDict(extra="forbid")

    booth: str = Field(pattern=BOOTH)
    versions: dict[_Word, _Word] = Field(max_length=16)
    parcel: FitParcel


@router.put(
    "/fleet/fits/{ticket}",
    responses=answers(
        FitTold, "fit-refused", "limit-reached", "invalid-input", status=202, body=True
    ),
    status_code=202,
    openapi_extra=needs(Role.OPERATOR),
)
async def send(ticket: _Ticket, asked: Asked, body: FitAsked) -> Response:
    """Put a calibration into the line; sent once more, it is the same one."""
    if body.parcel.ticket != ticket:
        raise InvalidInputError("ticket of the parcel", got="another", expected="the path's")
    told = asked.fits.put(body.booth, body.parcel, body.versions)
    return answer(told, status=202)


@router.get(
    "/fleet/fits/{ticket}",
    responses=answers(FitTold, "fit-unknown", "invalid-request"),
    openapi_extra=needs(Role.OPERATOR),
)
async def ask(ticket: _Ticket, asked: Asked) -> Response:
    """How it stands; once it is done, the profile. One that nobody asks for is let go of."""
    return answer(asked.fits.told(ticket))


@router.delete(
    "/fleet/fits/{ticket}",
    responses=answers(FitsInfo, "fit-unknown", "invalid-request"),
    openapi_extra=needs(Role.OPERATOR),
)
async def let_go(ticket: _Ticket, asked: Asked) -> Response:
    """Let go of everything of it, whatever has become of it."""
    asked.fits.forget(ticket)
    return answer(asked.fits.info())
