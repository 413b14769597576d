"""Clients that are slow, deaf, loud or wrong: each is bounded in time and memory."""

import asyncio
import json
import socket
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
from support.sockets import deaf_socket, ping_frame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hadua.models.features import Modality
from hadua.service.client_socket import REASON_BYTES
from hadua.service.connection import UNSENT_BYTES_AT_MOST, BoundedConnection
from hadua.service.sender import MESSAGES_IN_10_S
from hadua.service.session import Session

WRONG = [
    ("sessions/a/ws?after_seq=-1", "4422.*after_seq"),
    ("sessions/a/ws?after_seq=many", "4422.*after_seq"),
    ("sessions/a/ws?afterseq=1", "4422.*afterseq.*no value of that name"),
    ("sessions/a/ws?policy=fast", "4422.*policy.*'latest' or 'lossless'"),
    ("sessions/a/ws?types=", "4422.*types"),
    ("sessions/a/ws?types=prediction,gaze", "4422.*types"),
    ("ws?after_seq=1", "4422.*after_seq"),
    ("sessions/b/ws", "4404.*no session 'b'"),
    (f"sessions/{'%C3%A4' * 100}/ws", "4404.*no session 'ä"),
]


async def start(service: Running, source: FakeSource) -> Session:
    session = service.service.sessions.start({Modality.EEG: source}, session_id="a")
    await session.running.wait()
    return session


def client(service: Running, path: str = "sessions/a/ws") -> connect:
    return connect(f"{service.ws_url}/api/v1/{path}")


async def frame(ws: ClientConnection) -> dict[str, object]:
    parsed = json.loads(await ws.recv())
    assert isinstance(parsed, dict)
    return parsed


@async_test
async def test_every_wrong_request_is_closed_with_a_code_and_a_reason() -> None:
    async with running(Parts()) as service:
        await start(service, FakeSource([threading.Event()]))
        for path, reason in WRONG:
            async with client(service, path) as ws:
                with pytest.raises(ConnectionClosed, match=reason) as closed:
                    await ws.recv()
            assert closed.value.rcvd is not None
            assert len(closed.value.rcvd.reason.encode()) <= REASON_BYTES


@async_test
async def test_a_lossless_client_that_does_not_read_is_closed_and_resumes_without_loss() -> None:
    gate = threading.Event()
    parts = Parts(
        pipeline=FakePipeline(padding="x" * 20_000), settings=settings_for_tests(lossless_frames=4)
    )
    async with running(parts) as service:
        session = await start(service, FakeSource([gate, *ramps(EEG, 60)]))
        told: list[int] = []
        closes = 0
        while not (session.over.is_set() and told[-1:] == [session.publisher.journal.last_seq]):
            after = told[-1] if told else 0
            path = f"sessions/a/ws?policy=lossless&after_seq={after}&epoch={session.epoch}"
            async with client(service, path) as ws:
                assert (await frame(ws))["seq"] == after
                if not told:
                    ws.transport.pause_reading()
                    gate.set()
                    await session.over.wait()
                    await eventually(lambda: len(service.service.hub) == 0)
                    ws.transport.resume_reading()
                try:
                    while told[-1:] != [session.publisher.journal.last_seq]:
                        got = await frame(ws)
                        assert got["type"] != "gap"
                        assert isinstance(got["seq"], int)
                        told.append(got["seq"])
                except ConnectionClosed:
                    closes += 1
        assert told == list(range(1, session.publisher.journal.last_seq + 1))
        assert closes == 1
        metrics = (await service.http.get("/metrics")).text
        assert "hadua_frames_dropped_total 0.0" in metrics
        assert "hadua_clients_dropped_total 1.0" in metrics


@async_test
async def test_a_filter_leaves_out_the_other_types_and_says_of_no_gap() -> None:
    async with running(Parts()) as service:
        session = await start(service, FakeSource(ramps(EEG, 10)))
        await session.over.wait()
        async with client(service, "sessions/a/ws?after_seq=0&types=prediction") as ws:
            assert (await frame(ws))["type"] == "hello"
            frames = [await frame(ws) for _ in range(10)]
            service.service.hub.close("test is over")
            assert (await frame(ws))["type"] == "bye"
        assert {f["type"] for f in frames} == {"prediction"}
        page = (await service.http.get("/api/v1/sessions/a/predictions")).json()
        assert page["predictions"] == frames


@async_test
async def test_an_epoch_says_that_a_seq_is_of_an_earlier_life() -> None:
    async with running(Parts()) as service:
        first = await start(service, FakeSource(ramps(EEG, 3)))
        await first.over.wait()
        old = first.epoch
        session = await start(service, FakeSource(ramps(EEG, 20)))
        await session.over.wait()
        assert session.epoch > old
        for query, begins in (
            (f"after_seq=3&epoch={session.epoch}", 3),
            ("after_seq=3", 3),
            ("after_seq=300", 0),
        ):
            async with client(service, f"sessions/a/ws?{query}") as ws:
                hello = await frame(ws)
                assert (hello["seq"], (await frame(ws))["seq"]) == (begins, begins + 1)
                assert hello["last_seq"] == session.publisher.journal.last_seq
                assert hello["state"] == "stopped"
                while (await frame(ws))["seq"] != hello["last_seq"]:
                    pass
        for query, begins in (
            (f"after_seq=3&epoch={old}", 0),
            (f"after_seq=3&epoch={session.epoch}", 3),
        ):
            page = (await service.http.get(f"/api/v1/sessions/a/predictions?{query}")).json()
            assert min(p["seq"] for p in page["predictions"]) > begins


@async_test
async def test_a_client_that_talks_without_end_is_closed() -> None:
    async with running(Parts()) as service, client(service, "ws") as ws:
        await frame(ws)
        for _ in range(MESSAGES_IN_10_S + 1):
            await ws.send("are you there?")
        with pytest.raises(ConnectionClosed, match=r"1008.*nothing is expected"):
            await ws.recv()
        await eventually(lambda: len(service.service.hub) == 0)


@async_test
async def test_a_message_that_is_too_long_closes_the_connection() -> None:
    async with running(Parts()) as service:
        async with client(service, "ws") as ws:
            await frame(ws)
            await ws.send("x" * 60_000)
            await ws.send("x" * 70_000)
            with pytest.raises(ConnectionClosed, match="1009"):
                await ws.recv()
        async with client(service, "ws") as ws:
            assert (await frame(ws))["type"] == "hello"


def connections(service: Running) -> list[BoundedConnection]:
    known = service.server.server_state.connections
    return [c for c in known if isinstance(c, BoundedConnection)]


@async_test
async def test_pings_whose_pongs_nobody_reads_are_cut_off() -> None:
    """A pong is written at once, whether or not the peer reads; memory must not follow."""
    async with running(Parts()) as service:
        deaf = await deaf_socket(service.url, "ws")
        (connection,) = connections(service)
        most = 0

        async def flood() -> None:
            nonlocal most
            loop, pings = asyncio.get_running_loop(), ping_frame(b"x" * 125) * 200
            while True:
                await loop.sock_sendall(deaf, pings)
                most = max(most, connection.transport.get_write_buffer_size())

        with pytest.raises(ConnectionError):
            await flood()
        await eventually(lambda: not connections(service))
        await eventually(lambda: len(service.service.hub) == 0)
        deaf.close()
    assert most <= UNSENT_BYTES_AT_MOST + 256 * 1024  # and what one read brought in


@asynccontextmanager
async def half_full(*, ping_s: float) -> AsyncIterator[Running]:
    """A service with one deaf client, for whom less waits than would hold up a send."""
    gate = threading.Event()
    quiet = settings_for_tests(status_interval_s=600.0, stale_s=600.0)
    parts = Parts(pipeline=FakePipeline(padding="x" * 9_000), settings=quiet, ping_s=ping_s)
    async with running(parts) as service:
        session = await start(service, FakeSource([gate, *ramps(EEG, 12), threading.Event()]))
        deaf = await deaf_socket(service.url, "sessions/a/ws")
        gate.set()
        await eventually(lambda: session.publisher.predictions == 12)
        (connection,) = connections(service)
        assert connection.writable.is_set()
        assert connection.transport.get_write_buffer_size() > 0
        yield service
        await eventually(lambda: not connections(service))
        await eventually(lambda: len(service.service.hub) == 0)
        deaf.close()


@async_test
async def test_a_client_that_answers_no_ping_is_cut_although_something_waits_for_it() -> None:
    async with half_full(ping_s=0.2):
        pass


@async_test
async def test_a_closed_client_that_does_not_read_the_close_is_cut() -> None:
    async with half_full(ping_s=60.0) as service:
        service.service.hub.close("the service stops")


@async_test
async def test_all_clients_get_the_one_text() -> None:
    gate = threading.Event()
    async with running(Parts()) as service:
        session = await start(service, FakeSource([gate, *ramps(EEG, 5)]))
        async with client(service) as one, client(service) as two, client(service, "ws") as three:
            for ws in (one, two, three):
                await frame(ws)
            gate.set()
            await session.over.wait()
            texts = [[await ws.recv() for _ in range(5)] for ws in (one, two, three)]
    kept = [item.text for item in session.publisher.journal.after(0)]
    assert texts[0] == texts[1] == texts[2] == kept[-len(kept) :][2:7]


def test_the_send_buffer_is_small() -> None:
    """Or a client that does not read is noticed only after megabytes."""
    from hadua.service.listener import SEND_BUFFER_BYTES, listen

    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            size = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert size <= 2 * SEND_BUFFER_BYTES
