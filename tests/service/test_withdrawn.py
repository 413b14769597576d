"""Consent that is withdrawn by a command, beside the service, ends what runs of that person."""

import asyncio
import threading
from pathlib import Path

from support.service import (
    EEG,
    FakeSource,
    Parts,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)
from typer.testing import CliRunner

from hadua.models.features import Modality
from hadua.service.cli.main import build
from hadua.service.remembered import Answer


def typed(*words: str | Path) -> None:
    """A command of `hadua participants`, as in another window."""
    done = CliRunner().invoke(build(["participants"]), ["participants", *map(str, words)])
    assert done.exit_code == 0, done.output


@async_test
async def test_a_command_stops_their_sessions_and_nobody_elses(new_folder: Path) -> None:
    parts = Parts(settings=settings_for_tests(require_consent=True), data_folder=new_folder)
    async with running(parts) as service:
        for person in ("P01", "P02"):
            service.service.storage.enter(person)
            service.service.storage.consent(person, notice="notice/1", recorded_by="anna")
        sessions = {
            person: service.service.sessions.start(
                {Modality.EEG: FakeSource([*ramps(EEG, 3), threading.Event()])},
                session_id=f"of-{person}",
                participant=person,
            )
            for person in ("P01", "P02")
        }
        for session in sessions.values():
            await session.running.wait()

        await asyncio.to_thread(typed, "withdraw", "P01", "--data-dir", new_folder)

        await asyncio.wait_for(sessions["P01"].over.wait(), 10.0)
        assert not sessions["P02"].state.over


@async_test
async def test_a_command_that_erases_leaves_nothing_in_memory_either(new_folder: Path) -> None:
    async with running(Parts(data_folder=new_folder)) as service:
        sessions, remembered = service.service.sessions, service.service.remembered
        for person in ("P01", "P011"):
            service.service.storage.enter(person)
            source = FakeSource(ramps(EEG, 3))
            session = sessions.start(
                {Modality.EEG: source}, session_id=f"of-{person}", participant=person
            )
            place = ("POST", "/api/v1/sessions", person)
            assert remembered.find(place, digest=b"") is None
            remembered.keep(place, Answer(201, {}, b'{"participant":"%s"}' % person.encode()))
            await session.over.wait()
        await eventually(lambda: service.service.storage.writer.waiting == 0)

        await asyncio.to_thread(typed, "erase", "P01", "--yes", "--data-dir", new_folder)

        await eventually(lambda: sessions.find("of-P01") is None)
        assert sessions.find("of-P011") is not None
        assert remembered.find(("POST", "/api/v1/sessions", "P01"), digest=b"") is None
        assert remembered.find(("POST", "/api/v1/sessions", "P011"), digest=b"") is not None


@async_test
async def test_who_was_never_asked_is_measured_all_the_same(new_folder: Path) -> None:
    async with running(Parts(data_folder=new_folder)) as service:
        service.service.storage.enter("P01")
        source = FakeSource([*ramps(EEG, 3), threading.Event()])
        started = {"participant": "P01", "session_id": "a"}
        session = service.service.sessions.start({Modality.EEG: source}, **started)
        await session.running.wait()

        await asyncio.sleep(2.5)  # two looks

        assert not session.state.over
