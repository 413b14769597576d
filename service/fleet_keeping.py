"""The fleet as it was before a restart: what each booth said last is in the database.

Heartbeats come every two seconds, and are written together every ten: what a kill loses of them is
younger than that, and said again by every booth that lives.
"""

import asyncio
import functools
from concurrent.futures import Future

import structlog
from pydantic import ValidationError

from hadua.models.errors import HaduaError
from hadua.service.cluster.fleet import MOST, Heartbeat
from hadua.service.service import Service
from hadua.service.storage.records import BoothRecord

EVERY_S = 10.0

_log = structlog.get_logger("hadua.fleet")


async def keep_fleet(service: Service) -> None:
    """Until cancelled: restore the fleet, then write what is new of it, at the end once more."""
    if service.booth is None:  # which shares its pool's database, maybe, and is not it
        await _restore(service)
    try:
        while True:
            await asyncio.sleep(EVERY_S)
            write(service)
    finally:
        write(service)


def write(service: Service) -> None:
    """Have what is new written; where that fails, say so, and go on."""
    now_unix = service.unix_clock()
    records = [
        BoothRecord(word.booth, now_unix - ago_s, word.model_dump_json())
        for ago_s, word in service.fleet.news()
    ]
    if not records:
        return
    try:
        service.storage.keep_booths(records, most=MOST).add_done_callback(_said)
    except HaduaError as error:
        _log.error("the fleet is not kept", error=str(error))


def _said(written: "Future[None]") -> None:
    error = written.exception()
    if error is not None:
        _log.error("the fleet is not kept", error=str(error))


async def _restore(service: Service) -> None:
    read = functools.partial(service.storage.booths, limit=MOST)
    try:
        records = await service.blocking(service.pool, read)
    except HaduaError as error:
        _log.error("the fleet of before is not known", error=str(error))
        return
    now_unix, words = service.unix_clock(), list[tuple[float, Heartbeat]]()
    for record in records:
        try:
            word = Heartbeat.model_validate_json(record.word)
        except ValidationError:  # of another version
            _log.warning("a booth of before is not known any more", booth=record.name)
        else:
            words.append((max(0.0, now_unix - record.heard_unix), word))
    service.fleet.restore(words)
