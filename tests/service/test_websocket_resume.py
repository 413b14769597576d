"""A client that was away catches up: from memory, from the database, and across lives."""

import json
from pathlib import Path

from support.keeping import new_data_folder
from support.service import (
    EEG,
    FakeSource,
    Parts,
    Running,
    async_test,
    ramps,
    running,
    settings_for_tests,
)
from websockets.asyncio.client import connect

from hadua.models.features import Modality
from hadua.service.session import Session

Place = tuple[int, int]  # epoch, seq


async def said(service: Running, n: int) -> Session:
    """A session of n predictions that has ended."""
    source = FakeSource(ramps(EEG, n))
    session = service.service.sessions.start({Modality.EEG: source}, session_id="a")
    await session.over.wait()
    return session


async def caught_up(service: Running, session: Session, query: str) -> list[dict[str, object]]:
    """Frames from `hello` on until the newest of the session."""
    newest = {"epoch": session.epoch, "seq": session.publisher.journal.last_seq}
    frames: list[dict[str, object]] = []
    async with connect(f"{service.ws_url}/api/v1/sessions/a/ws?{query}") as ws:
        hello = json.loads(await ws.recv())
        assert hello["type"] == "hello"
        while not frames or {k: frames[-1][k] for k in newest} != newest:
            frames.append(json.loads(await ws.recv()))
    return frames


def places(frames: list[dict[str, object]]) -> list[Place]:
    assert "gap" not in {f["type"] for f in frames}
    return [(int(str(f["epoch"])), int(str(f["seq"]))) for f in frames]


def whole(session: Session, after: int = 0) -> list[Place]:
    return [(session.epoch, k) for k in range(after + 1, session.publisher.journal.last_seq + 1)]


@async_test
async def test_what_memory_let_go_comes_from_the_database() -> None:
    async with running(Parts(settings=settings_for_tests(journal_frames=5))) as service:
        session = await said(service, 40)
        for query, after in (("after_seq=0", 0), (f"after_seq=7&epoch={session.epoch}", 7)):
            frames = await caught_up(service, session, query)
            assert places(frames) == whole(session, after)
        async with connect(
            f"{service.ws_url}/api/v1/sessions/a/ws?after_seq=2&types=prediction"
        ) as ws:
            assert json.loads(await ws.recv())["type"] == "hello"
            filtered = [json.loads(await ws.recv()) for _ in range(40)]
        wanted = (await service.http.get("/api/v1/sessions/a/predictions")).json()["predictions"]
        assert filtered == wanted


@async_test
async def test_a_client_of_an_earlier_life_gets_its_end_and_all_later_ones() -> None:
    async with running(Parts()) as service:
        first, second, third = [await said(service, n) for n in (10, 3, 5)]
        frames = await caught_up(service, third, f"after_seq=6&epoch={first.epoch}")
        assert places(frames) == whole(first, 6) + whole(second) + whole(third)


@async_test
async def test_a_restart_of_the_service_loses_nothing(tmp_path: Path) -> None:
    parts = Parts(data_folder=new_data_folder(tmp_path))
    async with running(parts) as service:
        first = await said(service, 10)
    async with running(parts) as service:
        second = await said(service, 4)
        assert second.epoch > first.epoch
        frames = await caught_up(service, second, f"after_seq=3&epoch={first.epoch}")
    assert places(frames) == whole(first, 3) + whole(second)


@async_test
async def test_what_nobody_kept_is_a_gap() -> None:
    async with running(Parts(settings=settings_for_tests(journal_frames=5))) as service:
        session = await said(service, 40)
        service.service.storage.forget_before(2e10)
        frames = await caught_up(service, session, "after_seq=3")
        last = session.publisher.journal.last_seq
        assert frames[0]["type"] == "gap"
        assert (frames[0]["missed_from"], frames[0]["missed_to"]) == (4, last - 5)
        assert len(frames) == 6
