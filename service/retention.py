"""What is kept only for so long: old predictions and sessions go by themselves."""

import asyncio
import functools

import structlog

from hadua.models.errors import HaduaError
from hadua.service.service import Service

EVERY_S = 3600.0
DAY_S = 86_400.0

_log = structlog.get_logger("hadua.retention")


async def keep_tidy(service: Service) -> None:
    """Until cancelled: remove at the start, and every hour, what is older than `keep_days`."""
    await service.blocking(service.pool, service.people.sweep)
    while service.settings.keep_days is not None:
        await forget(service, days=service.settings.keep_days)
        await asyncio.sleep(EVERY_S)


async def forget(service: Service, *, days: float) -> None:
    """Remove what is older; where that fails, say so and try again in an hour."""
    before = service.unix_clock() - days * DAY_S
    call = functools.partial(service.storage.forget_before, before)
    try:
        n_frames, n_sessions = await service.blocking(service.pool, call)
        if n_frames or n_sessions:
            await service.blocking(service.pool, service.storage.compact)
            _log.info("old data removed", frames=n_frames, sessions=n_sessions)
    except HaduaError as error:
        _log.error("old data not removed", error=str(error))
