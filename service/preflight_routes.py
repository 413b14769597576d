"""Whether everything that a session needs is there."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from hadua.service.access.roles import Role, needs
from hadua.service.config import IDENTIFIER
from hadua.service.doctor.finding import Finding, State, told
from hadua.service.openapi import answers
from hadua.service.preflight_answer import preflight_answer
from hadua.service.preflight_shapes import PreflightAnswer
from hadua.service.rest import Asked, answer, api_router
from hadua.service.service import Service
from hadua.service.storage.errors import ConsentMissingError

router: APIRouter = api_router("streams")
_CONSENT = "consent"
_ENTER = "Enter the participant on the page Participants and record the consent there."


@router.get(
    "/preflight",
    responses=answers(PreflightAnswer, "invalid-request", "storage-failed", "service-stopping"),
    openapi_extra=needs(Role.OPERATOR),
)
async def preflight(
    asked: Asked,
    seconds: Annotated[
        float, Query(ge=0.5, le=10.0, description="How long to listen to each stream.")
    ] = 3.0,
    participant: Annotated[
        str | None, Query(pattern=IDENTIFIER, description="Whose session it is to be.")
    ] = None,
) -> Response:
    """Each expected stream and all else that a session needs, with what to do about it.

    Takes some seconds longer than `seconds`, the first time and once a minute about as many again.
    Streams that sessions read are not opened again. Those who ask at the same time share a look.
    """
    look = await asked.preflight.look(asked.sessions.all, seconds=seconds, blocking=asked.blocking)
    consent = await _consent(asked, participant or asked.settings.participant)
    now = asked.unix_clock()
    return await asked.blocking(
        asked.preflight.pool, lambda: answer(preflight_answer(look, [consent], time_unix=now))
    )


async def _consent(asked: Service, participant: str | None) -> Finding:
    if participant is None:
        found = (
            "no participant is named: nobody is asked for consent, and nothing is kept as theirs"
        )
        return Finding(_CONSENT, State.NOTE, "participant", found, "Name one when you start.")
    about = f"participant {participant}"
    if not asked.settings.require_consent:
        found = "not looked at: the settings do not want it (require_consent)"
        return Finding(_CONSENT, State.NOTE, about, found)
    try:
        await asked.admit(participant)
    except ConsentMissingError as error:
        found, fix = told(error, otherwise=_ENTER)
        return Finding(_CONSENT, State.PROBLEM, about, found, fix)
    return Finding(_CONSENT, State.OK, about, "consent is on record")
