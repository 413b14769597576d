"""Sessions that a service left open which was killed: another one that shares its database sees."""

import asyncio

import structlog

from hadua.models.errors import HaduaError
from hadua.service.service import Service

EVERY_S = 60.0

_log = structlog.get_logger("hadua.storage")


async def close_left_open(service: Service) -> None:
    """Until cancelled: look once a minute. On a file there is nobody else, and it ends at once."""
    while not service.storage.database.is_file:
        await asyncio.sleep(EVERY_S)
        await look(service)


async def look(service: Service) -> None:
    """Hold what runs here, close what runs nowhere; where that fails, say so."""
    try:
        await service.blocking(service.pool, service.storage.presence.renew)
        for left in await service.blocking(service.pool, service.storage.recover):
            _log.warning(
                "a session of another booth ended without a word",
                session=left.id,
                last_seq=left.last_seq,
            )
    except HaduaError as error:
        _log.error("sessions that were left open not looked for", error=str(error))
