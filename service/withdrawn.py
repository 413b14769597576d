"""Consent that was taken back by a command, or at another booth: its sessions end here, too."""

import asyncio
import functools

import structlog

from hadua.models.errors import HaduaError
from hadua.service.service import Service, ServiceStoppingError
from hadua.service.storage.errors import ParticipantUnknownError

EVERY_S = 1.0

_log = structlog.get_logger("hadua.consent")


async def stop_withdrawn(service: Service) -> None:
    """Until cancelled: look once a second, as long as anybody is measured."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await look(service)
        except ServiceStoppingError:
            return
        except HaduaError as error:  # who withdraws here is stopped by that request
            _log.error("withdrawn consents not looked for", error=str(error))


async def look(service: Service) -> None:
    """Stop the sessions of those who have withdrawn."""
    running = [s for s in service.sessions.all() if not s.state.over]
    for participant in {s.participant for s in running if s.participant is not None}:
        if not await _has_withdrawn(service, participant):
            continue
        for session in running:
            if session.participant == participant:
                _log.warning("consent withdrawn: the session is stopped", session=session.id)
                session.stop()


async def _has_withdrawn(service: Service, participant: str) -> bool:
    """Whether they consented once and do not any more; who never did was not asked to."""
    try:
        found = await service.blocking(
            service.pool, functools.partial(service.storage.participant, participant)
        )
    except ParticipantUnknownError:
        return False
    return bool(found.consents) and not found.consented
