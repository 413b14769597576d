"""Work beside the sessions: a fault of it is logged, and ends nothing but that attempt."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import structlog

AGAIN_S = 10.0
SHORT_S = 0.1

_log = structlog.get_logger("hadua.service")


async def apart(work: Coroutine[object, object, None]) -> None:
    """Do what belongs to one session; whatever becomes of it, others go on."""
    try:
        await work
    except Exception:  # noqa: BLE001 - it has told of its own faults, and could not of this one
        _log.exception("a task of a session failed")


async def once_there_is_memory(work: Callable[[], Awaitable[None]]) -> None:
    """Do what has to be done, again and again while there is no memory for it."""
    while True:
        try:
            return await work()
        except MemoryError:
            await asyncio.sleep(SHORT_S)


async def done_again(work: Callable[[], Awaitable[None]], *, again_s: float = AGAIN_S) -> None:
    """Do a chore to its end; where it fails, begin anew a while later."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - people's sessions do not end with a chore
            _log.exception("a chore failed")
            await asyncio.sleep(again_s)
        else:
            return
