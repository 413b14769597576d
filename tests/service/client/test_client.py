"""Both clients against a real service: what they ask for, what they hear, what they survive."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from support.flaky_proxy import flaky_proxy
from support.keeping import new_data_folder
from support.service import (
    EEG,
    FakeSource,
    Parts,
    async_test,
    ramps,
    running,
    settings_for_tests,
)

from hadua.adapters.sources.source import SampleChunk
from hadua.models.errors import StreamNotFoundError, UsageError
from hadua.models.features import Modality
from hadua.service.answers import MarkerAnswer
from hadua.service.client import (
    AsyncClient,
    Client,
    RefusedError,
    SessionFailedError,
    UnreachableError,
)
from hadua.service.client.clock import ServiceClock
from hadua.service.client.http import Http
from hadua.service.wire import MarkerFrame, PredictionFrame, StatusFrame


def gated(n: int) -> tuple[threading.Event, FakeSource]:
    gate = threading.Event()
    return gate, FakeSource([gate, *ramps(EEG, n)])


@async_test
async def test_a_session_from_start_to_its_last_prediction() -> None:
    gate, source = gated(20)
    async with running(Parts({"fake:eeg": source})) as service, AsyncClient(service.url) as client:
        started = await client.start_session(eeg="fake:eeg", session_id="a")
        assert started.id == "a"
        assert [s.id for s in await client.sessions()] == ["a"]
        assert (await client.bundles())[0].classes == ("calm", "tense")
        stream = client.predictions("a", after_seq=0)
        gate.set()
        heard = [prediction async for prediction in stream]
        assert (await client.session("a")).status.state == "stopped"
        assert heard == await client.past_predictions("a")
        assert [p.label for p in heard] == ["calm"] * 20
        assert (stream.missed, stream.reconnects, stream.closed) == (0, 0, True)
        assert stream.hello is not None
        assert stream.hello.bundle.name == "fake"
        # A session that is over has nothing new to say.
        assert [p async for p in client.predictions("a")] == []
        assert (await client.stop_session("a")).status.state == "stopped"


@async_test
async def test_the_same_from_a_program_without_asyncio() -> None:
    gate, source = gated(20)

    def program(url: str) -> None:
        with Client(url) as client:
            client.start_session(eeg="fake:eeg", session_id="a")
            with client.predictions("a", after_seq=0) as stream:
                assert stream.next(0.05) is None
                gate.set()
                heard = list(stream)
            assert heard == client.past_predictions("a")
            assert len(heard) == 20
            assert client.session("a").status.predictions == 20
            assert [s.id for s in client.sessions()] == ["a"]
            assert client.bundles()[0].classes == ("calm", "tense")
            kinds = [type(frame) for frame in client.frames("a", after_seq=0)]
            assert kinds.count(PredictionFrame) == 20
            assert kinds[-1] is StatusFrame
            assert client.stop_session("a").status.state == "stopped"

    async with running(Parts({"fake:eeg": source})) as service:
        await asyncio.to_thread(program, service.url)


@async_test
async def test_a_marker_lies_where_it_was_made_and_says_how_sure_that_is() -> None:
    source = FakeSource([threading.Event()])
    now = time.monotonic  # the fake service's LSL clock, on one machine

    def program(url: str) -> list[MarkerAnswer]:
        with Client(url) as client:
            client.sync_clock()
            marked = []
            for text in ("word=one", "word=two"):
                before_s = now()
                marker = client.mark("a", text)
                assert marker.uncertainty_ms is not None
                slack_s = marker.uncertainty_ms / 1e3 + 1e-6
                assert before_s - slack_s <= marker.t_s <= now() + slack_s
                marked.append(marker)
            exact = client.mark("a", "then", t_s=12.5)
            assert (exact.t_s, exact.offset_s) == (12.5, None)
            return marked

    async with running(Parts({"fake:eeg": source})) as service, AsyncClient(service.url) as client:
        await client.start_session(eeg="fake:eeg", session_id="a")
        session = service.service.sessions.get("a")
        await session.running.wait()
        marked = await asyncio.to_thread(program, service.url)
        marked.append(await client.mark("a", "word=three"))
        stream = client.frames("a", after_seq=0, types={"marker"})
        said = [await anext(stream) for _ in range(4)]
    assert [m.t_s for m in said if isinstance(m, MarkerFrame)] == [
        marked[0].t_s, marked[1].t_s, 12.5, marked[2].t_s
    ]  # fmt: skip


@async_test
async def test_a_recording_from_start_to_its_closed_file(tmp_path: Path) -> None:
    gate, source = gated(20)
    parts = Parts({"fake:eeg": source}, data_folder=new_data_folder(tmp_path))
    parts.settings = settings_for_tests(data_dir=tmp_path, min_free_mb=0.0)

    def program(url: str) -> None:
        with Client(url) as client:
            client.start_session(eeg="fake:eeg", session_id="a")
            assert client.recording("a") is None
            begun = client.start_recording("a", task="film")
            assert begun is not None
            assert begun.state == "recording"
            gate.set()
            list(client.predictions("a", after_seq=0))
            ended = client.stop_recording("a")
            assert ended is not None
            assert ended.predictions == 20
            assert "task-film" in ended.path

    async with running(parts) as service:
        await asyncio.to_thread(program, service.url)


@async_test
async def test_a_program_that_draws_asks_for_the_newest_and_never_waits() -> None:
    gate, source = gated(20)

    def program(url: str) -> None:
        with Client(url) as client:
            client.start_session(eeg="fake:eeg", session_id="a")
            with client.follow("a") as live:
                assert live.latest() is None
                while client.sessions()[0].status.state != "running":
                    time.sleep(0.01)
                gate.set()
                while (newest := live.latest()) is None or newest.end_s < 1.999:
                    assert live.error is None
                    time.sleep(0.001)
                time.sleep(0.05)
                assert live.latest(max_age_s=0.01) is None  # it would be old news

    async with running(Parts({"fake:eeg": source})) as service:
        await asyncio.to_thread(program, service.url)


@async_test
async def test_every_no_is_an_error_that_says_why() -> None:
    fails = FakeSource([], fail_open=StreamNotFoundError("no stream", hint="Is it on?"))
    async with running(Parts({"fails": fails})) as service, AsyncClient(service.url) as client:
        with pytest.raises(RefusedError, match="no session 'nobody'") as unknown:
            await client.session("nobody")
        assert unknown.value.problem.code == "session-unknown"
        with pytest.raises(RefusedError, match="expected a known scheme") as wrong:
            await client.start_session(eeg="nonsense")
        assert wrong.value.hint == "Try another."
        with pytest.raises(RefusedError, match="no session 'nobody'"):
            await anext(client.predictions("nobody"))
        with pytest.raises(RefusedError, match="types"):
            await anext(client.frames("nobody", types={"telepathy"}))
        await client.start_session(eeg="fails", session_id="a")
        with pytest.raises(SessionFailedError, match="no stream"):
            await anext(client.predictions("a", after_seq=0))
        evil = AsyncClient(service.url, headers={"Origin": "http://evil.example"})
        async with evil:
            with pytest.raises(RefusedError, match="a page from elsewhere"):
                await evil.sessions()
            with pytest.raises(RefusedError, match="a page from elsewhere"):
                await anext(evil.frames())


@async_test
async def test_a_service_that_is_not_there_is_said_to_be_so_in_time() -> None:
    async with running(Parts()) as service:
        url = service.url
    async with AsyncClient(url, patience_s=0.3) as client:
        with pytest.raises(UnreachableError, match="Is hadua-serve running there"):
            await client.sessions()
        with pytest.raises(UnreachableError, match="Is hadua-serve running"):
            await anext(client.predictions("a"))
    for nonsense in ("127.0.0.1:8000", "ftp://a", "http://"):
        with pytest.raises(UsageError, match="expected one like http"):
            AsyncClient(nonsense)


@async_test
async def test_a_request_whose_answer_is_lost_is_carried_out_once() -> None:
    source = FakeSource([threading.Event()])
    async with (
        running(Parts({"fake:eeg": source})) as service,
        flaky_proxy(service.url) as proxy,
        AsyncClient(proxy.url) as client,
    ):
        proxy.swallow = True
        started = await client.start_session(eeg="fake:eeg")
        assert proxy.connections == 2
        assert [s.id for s in await client.sessions()] == [started.id]
        proxy.cut()  # a connection that the service let go of while it was idle
        assert (await client.session(started.id)).id == started.id


@async_test
async def test_connections_that_are_cut_cost_no_frame() -> None:
    gates = [threading.Event() for _ in range(5)]
    script: list[SampleChunk | Exception | threading.Event] = []
    for gate in gates:
        script += [gate, *ramps(EEG, 10)]
    async with (
        running(Parts({"fake:eeg": FakeSource(script)})) as service,
        flaky_proxy(service.url) as proxy,
        AsyncClient(proxy.url) as client,
    ):
        await client.start_session(eeg="fake:eeg", session_id="a")
        stream = client.frames("a", after_seq=0)
        session = service.service.sessions.get("a")
        heard = [await anext(stream)]
        for n, gate in enumerate(gates, start=1):
            proxy.cut()
            gate.set()
            while sum(isinstance(f, PredictionFrame) for f in heard) < 10 * n:
                heard.append(await anext(stream))
        heard += [frame async for frame in stream]
        assert [f.seq for f in heard] == list(range(1, session.publisher.journal.last_seq + 1))
        assert stream.reconnects >= 5
        assert stream.missed == 0


@async_test
async def test_a_restart_of_the_service_in_the_middle_costs_no_frame(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    port = 0
    heard: list[PredictionFrame] = []
    lives: list[tuple[int, int]] = []
    client: AsyncClient | None = None
    for n in (12, 7, 5):
        gate, source = gated(n)
        parts = Parts(startup={Modality.EEG: source}, data_folder=folder, port=port)
        parts.settings = parts.settings.model_copy(update={"demo": True})  # the session is `demo`
        async with running(parts) as service:
            port = int(service.url.rpartition(":")[2])
            if client is None:
                client = AsyncClient(service.url)
                stream = client.predictions("demo", after_seq=0, endless=True)
            session = service.service.sessions.get("demo")
            gate.set()
            if n == 12:  # hear the beginning only: the rest is lost with the connection
                heard += [await anext(stream) for _ in range(4)]
            await session.over.wait()
            lives.append((session.epoch, session.publisher.predictions))
    assert client is not None
    parts = Parts(startup={Modality.EEG: FakeSource([threading.Event()])}, data_folder=folder)
    parts.settings = parts.settings.model_copy(update={"demo": True})
    parts.port = port
    async with running(parts), client:
        heard += [await anext(stream) for _ in range(20)]
        assert [(epoch, sum(p.epoch == epoch for p in heard)) for epoch, _ in lives] == lives
        assert len({(p.epoch, p.seq) for p in heard}) == 24
        assert heard == sorted(heard, key=lambda p: (p.epoch, p.seq))
        assert stream.missed == 0
        assert stream.reconnects >= 1


@async_test
async def test_the_clock_handshake_finds_an_offset_within_its_uncertainty() -> None:
    """On one machine the true offset is known: the fake service's LSL clock is monotonic time."""
    async with running(Parts()) as service:
        http = Http(service.url, headers={}, timeout_s=5.0, patience_s=5.0)
        clock = ServiceClock(http, clock=lambda: time.monotonic() - 1234.5)
        found = await asyncio.to_thread(clock.sync)
        now_s = await asyncio.to_thread(clock.now_s)
        assert abs(now_s - time.monotonic()) < 0.5
        http.close()
    assert abs(found.offset_s - 1234.5) <= found.uncertainty_s + 1e-6
    assert found.uncertainty_s < 0.25
