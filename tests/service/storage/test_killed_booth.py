"""A booth that is killed does not stay *running* in the history, whoever else is at work."""

import asyncio
import time
from pathlib import Path

from sqlalchemy import text
from support.booth import EPOCH, SAID, booth
from support.postgres import PostgresServer
from support.service import Parts, async_test, running

from hadua.service.left_open import close_left_open, look
from hadua.service.storage.lives import INTERRUPTED
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage

HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"


def opened(folder: Path, url: str | None) -> Storage:
    return Storage.open(folder, url=url, unix_clock=lambda: 99.0)


def recovered(storage: Storage) -> list[SessionRecord]:
    """What a look closes, once the server has noticed that the connection is no more."""
    until_s = time.monotonic() + 20.0
    while not (left := storage.recover()):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    return left


def test_its_session_is_closed_at_the_last_thing_it_said(tmp_path: Path, url: str | None) -> None:
    with booth(tmp_path, url, "s-1") as process:
        process.kill()
        process.wait(10.0)
    storage = opened(tmp_path, url)
    try:
        assert [left.id for left in recovered(storage)] == ["s-1"]
        kept = storage.session("s-1")
        assert kept is not None
        assert (kept.state, kept.epoch, kept.last_seq) == (INTERRUPTED, EPOCH, SAID)
        assert kept.ended_unix == 50.0
        assert storage.recover() == []
    finally:
        storage.close()


def test_a_booth_that_is_at_work_closes_it_and_leaves_the_others_alone(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    at_work = opened(tmp_path / "mine", url)
    try:
        mine = SessionRecord("mine", 9, None, 6.0, None, "starting", "", "fake@0", 0)
        at_work.began(mine).result(10.0)
        with booth(tmp_path, url, "theirs") as theirs, booth(tmp_path, url, "dies") as dies:
            assert at_work.recover() == []
            dies.kill()
            assert [left.id for left in recovered(at_work)] == ["dies"]
            assert at_work.recover() == []
            assert theirs.poll() is None
        states = {s.id: s.ended_unix is None for s in at_work.sessions()}
        assert states == {"mine": True, "theirs": True, "dies": False}
    finally:
        at_work.close()


def test_a_session_that_ended_is_held_no_longer_and_its_end_stands(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    one, other = opened(tmp_path / "a", url), opened(tmp_path / "b", url)
    try:
        record = SessionRecord("s-1", 9, None, 6.0, None, "starting", "", "fake@0", 0)
        one.began(record).result(10.0)
        one.ended("s-1", 9, state="stopped", reason="asked to", last_seq=4)
        one.flush()
        assert other.recover() == []
        kept = other.session("s-1")
        assert kept is not None
        assert (kept.state, kept.last_seq) == ("stopped", 4)
        assert other.database.read(lambda c: c.scalar(text(HELD))) is None
    finally:
        one.close()
        other.close()


def test_what_a_booth_holds_is_held_again_after_its_connection_was_lost(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    one, other = opened(tmp_path / "a", url), opened(tmp_path / "b", url)
    try:
        record = SessionRecord("s-1", 9, None, 6.0, None, "starting", "", "fake@0", 0)
        one.began(record).result(10.0)
        cut = text(f"SELECT pg_terminate_backend(({HELD}))")
        other.database.read(lambda c: c.scalar(cut))
        one.presence.renew()

        assert other.recover() == []
    finally:
        one.close()
        other.close()


@async_test
async def test_on_a_file_a_service_does_not_look_for_what_is_its_own() -> None:
    async with running(Parts()) as service:
        await asyncio.wait_for(close_left_open(service.service), 30.0)


def test_a_service_at_work_closes_it(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    shared = opened(tmp_path, url)
    with booth(tmp_path, url, "dies") as dies:
        dies.kill()
    until_s = time.monotonic() + 20.0
    while shared.database.read(lambda c: c.scalar(text(f"SELECT count(*) FROM ({HELD}) AS held"))):
        assert time.monotonic() < until_s
        time.sleep(0.02)

    @async_test
    async def looks() -> None:
        async with running(Parts()) as service:
            own, service.service.storage = service.service.storage, shared
            await look(service.service)
            service.service.storage = own

    looks()
    assert [(s.id, s.state) for s in shared.sessions()] == [("dies", INTERRUPTED)]
    shared.close()
