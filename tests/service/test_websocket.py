"""The WebSocket as a client meets it: a real server, a real socket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.service import (
    EEG,
    FakePipeline,
    FakeSource,
    Parts,
    Running,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)
from support.sockets import deaf_socket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hadua.models.features import Modality
from hadua.service.session import Session


@asynccontextmanager
async def client(
    service: Running, path: str, *, origin: str | None = None
) -> AsyncIterator[ClientConnection]:
    headers = {"Origin": origin} if origin else {}
    async with connect(f"{service.ws_url}/api/v1/{path}", additional_headers=headers) as ws:
        yield ws


async def frame(ws: ClientConnection) -> dict[str, object]:
    parsed = json.loads(await ws.recv())
    assert isinstance(parsed, dict)
    assert parsed["v"] == 1
    return parsed


async def listen_on(ws: ClientConnection, frames: list[dict[str, object]]) -> None:
    while True:
        frames.append(await frame(ws))


async def started(service: Running, source: FakeSource, session_id: str = "a") -> Session:
    session = service.service.sessions.start({Modality.EEG: source}, session_id=session_id)
    await session.running.wait()
    return session


@async_test
async def test_hello_then_every_frame_without_a_hole_then_bye() -> None:
    gate = threading.Event()
    async with running(Parts()) as service:
        session = await started(service, FakeSource([gate, *ramps(EEG, 20)]))
        async with client(service, "sessions/a/ws") as ws:
            hello = await frame(ws)
            assert hello["type"] == "hello"
            assert hello["epoch"] == session.epoch
            bundle = hello["bundle"]
            assert isinstance(bundle, dict)
            assert bundle["classes"] == ["calm", "tense"]
            gate.set()
            await session.over.wait()
            service.service.hub.close("test is over")
            frames: list[dict[str, object]] = []
            with pytest.raises(ConnectionClosed, match="1001"):
                await listen_on(ws, frames)
    kinds = [f["type"] for f in frames]
    told = [f["seq"] for f in frames if f["type"] != "bye"]
    first = hello["seq"]
    assert isinstance(first, int)
    if "gap" not in kinds:
        assert told == list(range(first + 1, first + 1 + len(told)))
    assert told[-1] == session.publisher.journal.last_seq
    assert kinds[-1] == "bye"


@async_test
async def test_after_seq_replays_what_was_missed_and_rest_agrees() -> None:
    async with running(Parts()) as service:
        session = await started(service, FakeSource(ramps(EEG, 30)))
        await session.over.wait()
        async with client(service, "sessions/a/ws?after_seq=5") as ws:
            assert (await frame(ws))["seq"] == 5
            frames = [await frame(ws) for _ in range(session.publisher.journal.last_seq - 5)]
        assert [f["seq"] for f in frames] == list(range(6, 6 + len(frames)))

        page = (await service.http.get("/api/v1/sessions/a/predictions?after_seq=5")).json()
        assert page["predictions"] == [f for f in frames if f["type"] == "prediction"]


@async_test
async def test_a_seq_of_an_earlier_life_gets_the_whole_new_one() -> None:
    async with running(Parts()) as service:
        session = await started(service, FakeSource(ramps(EEG, 3)))
        await session.over.wait()
        async with client(service, "sessions/a/ws?after_seq=1000000") as ws:
            assert (await frame(ws))["seq"] == 0
            assert (await frame(ws))["seq"] == 1
        path = "/api/v1/sessions/a/predictions?after_seq="
        old, all_of_it = [(await service.http.get(path + n)).json() for n in ("1000000", "0")]
        assert old == all_of_it
        assert len(old["predictions"]) == 3


@async_test
async def test_all_sessions_on_one_socket_also_those_that_start_later() -> None:
    async with running(Parts()) as service, client(service, "ws") as ws:
        assert (await frame(ws))["sessions"] == []
        first = await started(service, FakeSource(ramps(EEG, 1)), "a")
        second = await started(service, FakeSource(ramps(EEG, 1)), "b")
        await first.over.wait()
        await second.over.wait()
        predictions: set[object] = set()
        while predictions != {"a", "b"}:
            got = await frame(ws)
            if got["type"] == "prediction":
                predictions.add(got["session_id"])


@async_test
async def test_an_unknown_session_is_closed_with_a_reason() -> None:
    async with running(Parts()) as service, client(service, "sessions/nobody/ws") as ws:
        with pytest.raises(ConnectionClosed, match=r"4404.*no session 'nobody'"):
            await ws.recv()


@async_test
async def test_a_page_from_elsewhere_is_refused_and_one_of_this_machine_is_not() -> None:
    async with running(Parts()) as service:
        with pytest.raises(InvalidStatus, match="403") as refused:
            async with client(service, "ws", origin="https://evil.example"):
                pass
        body = refused.value.response.body
        assert body is not None
        assert json.loads(body)["code"] == "origin-refused"
        async with client(service, "ws", origin="http://localhost:3000") as ws:
            assert (await frame(ws))["type"] == "hello"


@async_test
async def test_one_client_too_many_is_told_to_come_later() -> None:
    parts = Parts(settings=settings_for_tests(max_clients=1))
    async with running(parts) as service, client(service, "ws") as first:
        await frame(first)
        async with client(service, "ws") as second:
            with pytest.raises(ConnectionClosed, match=r"1013.*too many clients"):
                await second.recv()


@async_test
async def test_a_client_that_never_reads_is_dropped_and_the_others_do_not_notice() -> None:
    gate = threading.Event()
    parts = Parts(pipeline=FakePipeline(padding="x" * 20_000))
    async with running(parts) as service:
        session = await started(service, FakeSource([gate, *ramps(EEG, 45)]))
        deaf = await deaf_socket(service.url, "sessions/a/ws")
        async with client(service, "sessions/a/ws?after_seq=0") as ws:
            assert (await frame(ws))["type"] == "hello"
            gate.set()
            told = 0
            while told < session.publisher.journal.last_seq or not session.over.is_set():
                seq = (await frame(ws))["seq"]
                assert isinstance(seq, int)
                told = seq
            await eventually(lambda: len(service.service.hub) == 1)
            address = deaf.getsockname()
            known = service.server.server_state.connections
            await eventually(lambda: address not in [getattr(c, "client", None) for c in known])
        deaf.close()
        text = (await service.http.get("/metrics")).text
    assert "hadua_clients_dropped_total 1.0" in text
    dropped = [x for x in text.splitlines() if x.startswith("hadua_frames_dropped_total")]
    assert float(dropped[0].split()[1]) > 0


@async_test
async def test_the_service_leaves_in_time_although_a_client_never_reads() -> None:
    gate = threading.Event()
    parts = Parts(pipeline=FakePipeline(padding="x" * 20_000))
    loop = asyncio.get_running_loop()
    async with running(parts) as service:
        session = await started(service, FakeSource([gate, *ramps(EEG, 45), threading.Event()]))
        deaf = await deaf_socket(service.url, "sessions/a/ws")
        async with client(service, "ws") as ws:
            await frame(ws)
            gate.set()
            await eventually(lambda: session.publisher.predictions == 45)
            asked_s = loop.time()
            service.server.request_exit()
            frames: list[dict[str, object]] = []
            with pytest.raises(ConnectionClosed, match="1001"):
                await listen_on(ws, frames)
        assert frames[-1]["type"] == "bye"
    deaf.close()
    assert loop.time() - asked_s < 3.0


@async_test
async def test_many_answers_at_once_do_not_cost_a_client_that_reads_any() -> None:
    gate = threading.Event()
    async with running(Parts()) as service:
        session = await started(service, FakeSource([gate, *ramps(EEG, 40)]))
        async with client(service, "sessions/a/ws") as ws:
            await frame(ws)
            gate.set()
            await session.over.wait()
            service.service.hub.close("test is over")
            frames: list[dict[str, object]] = []
            with pytest.raises(ConnectionClosed, match="1001"):
                await listen_on(ws, frames)
    assert sum(f["type"] == "prediction" for f in frames) == 40
    assert "gap" not in {f["type"] for f in frames}
