"""Consent that was taken back, and people who were erased, by a command or at another booth.

What runs of them ends here, too, and nothing that they said is left in memory.
"""

import asyncio
import functools

import structlog

from hadua.models.errors import HaduaError
from hadua.service.service import Service, ServiceStoppingError
from hadua.service.session import Session

EVERY_S = 1.0
WITHDRAWN, ERASED = "consent withdrawn", "participant erased"
"""Why a session ends."""

_log = structlog.get_logger("hadua.consent")


async def stop_withdrawn(service: Service) -> None:
    """Until cancelled: look once a second, as long as anybody is known who is measured, or was."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await look(service)
        except ServiceStoppingError:
            return
        except HaduaError as error:  # who withdraws here is stopped by that request
            _log.error("withdrawn consents not looked for", error=str(error))


async def look(service: Service) -> None:
    """Stop the sessions of those who have withdrawn, and forget those who were erased."""
    named = {s.participant for s in service.sessions.all() if s.participant is not None}
    if not named:
        return
    still = await service.blocking(service.pool, functools.partial(service.storage.entered, named))
    for participant in named - still:
        _stop(service, participant, because=ERASED)
        forget(service, participant)
    measured = still & {s.participant for s in _running(service) if s.participant is not None}
    if not measured:
        return
    asked = functools.partial(service.storage.withdrawn, measured)
    for participant in await service.blocking(service.pool, asked):
        _stop(service, participant, because=WITHDRAWN)


def forget(service: Service, participant: str) -> None:
    """Let go of what is in memory of somebody who was erased: ended sessions, and answers."""
    service.sessions.forget(participant)
    service.remembered.forget_about(participant)


def _running(service: Service) -> list[Session]:
    return [s for s in service.sessions.all() if not s.state.over]


def _stop(service: Service, participant: str, *, because: str) -> None:
    for session in _running(service):
        if session.participant == participant:
            _log.warning(f"{because}: the session is stopped", session=session.id)
            session.stop(because=because)
