"""`GET /api/v1/preflight`: each expected stream and all else that a session needs."""

import asyncio
import threading
from collections.abc import Mapping

import pytest
from support.doctor import FakeHost, FakeNetwork
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

from hadua.adapters.sources.source import Source
from hadua.adapters.sources.stream_summary import StreamSummary
from hadua.models.features import Modality
from hadua.service.client import AsyncClient
from hadua.service.doctor.surroundings import Room, Surroundings
from hadua.service.preflight_shapes import PreflightAnswer, PreflightFinding, PreflightStream

KEYS = StreamSummary("Keys", "Markers", "k", "lab", 1, 0.0, "lsl:name=Keys")


class CountingNetwork(FakeNetwork):
    """Counts how often it was asked what."""

    def __init__(self, sources: Mapping[str, Source] | None = None) -> None:
        super().__init__(sources=sources or {}, found=(KEYS,), step_s=0.2)
        self.searches = self.loopbacks = 0

    def streams(self, timeout_s: float) -> tuple[StreamSummary, ...]:
        self.searches += 1
        return (KEYS,)

    def loopback(self, timeout_s: float):  # type: ignore[no-untyped-def]
        self.loopbacks += 1
        return super().loopback(timeout_s)


def parts(network: FakeNetwork, host: FakeHost | None = None, **settings: object) -> Parts:
    here = Surroundings(host or FakeHost(), network)
    return Parts(settings=settings_for_tests(**settings), here=here)


async def looked(service: Running, **query: object) -> PreflightAnswer:
    async with AsyncClient(service.url) as client:
        return await client.preflight(**query)  # type: ignore[arg-type]


def by_role(answer: PreflightAnswer) -> dict[str, PreflightStream]:
    return {stream.role: stream for stream in answer.streams}


def of(answer: PreflightAnswer, check: str) -> list[PreflightFinding]:
    return [finding for finding in answer.findings if finding.check == check]


@async_test
async def test_a_stream_that_is_missing_stops_a_session_and_says_what_to_do() -> None:
    expect = [{"role": "eeg", "source": "fake:eeg", "rate_hz": 500}, {"role": "markers"}]
    async with running(parts(CountingNetwork(), expect=expect)) as service:
        answer = await looked(service)

    assert not answer.ready
    assert answer.worst == "problem"
    streams = by_role(answer)
    assert (streams["eeg"].state, streams["eeg"].stops) == ("missing", True)
    assert streams["eeg"].expected is not None
    assert streams["eeg"].expected.rate_hz == 500.0
    assert (streams["markers"].state, streams["markers"].name) == ("found", "Keys")
    assert all(finding.fix for finding in answer.findings if finding.stops)


@async_test
async def test_one_that_is_not_required_does_not_stop_it() -> None:
    expect = [{"role": "eeg", "source": "fake:eeg", "required": False}]
    async with running(parts(CountingNetwork(), expect=expect)) as service:
        answer = await looked(service)

    assert [f.state for f in of(answer, "streams")] == ["warning", "note"]
    assert not by_role(answer)["eeg"].stops


@async_test
async def test_what_is_there_is_listened_to_and_compared() -> None:
    source = FakeSource([*ramps(EEG, 12, size=100)])
    expect = [{"role": "eeg", "source": "fake:eeg", "rate_hz": 250, "labels": ["CZ", "O1"]}]
    network = CountingNetwork({"fake:eeg": source})
    async with running(parts(network, expect=expect)) as service:
        answer = await looked(service, seconds=2.0)

    eeg = by_role(answer)["eeg"]
    assert (eeg.name, eeg.n_channels, eeg.labels) == ("fake EEG", 2, ("CZ", "PZ"))
    assert eeg.nominal_rate_hz == 100.0
    assert eeg.effective_rate_hz == pytest.approx(100.0, rel=0.02)
    assert eeg.clock_uncertainty_ms == 1.0
    assert eeg.windows > 0
    assert {e.name: e.state for e in eeg.electrodes}["FP1"] == "missing"
    assert [f.found for f in of(answer, "expected")] == [
        "declares 100 Hz, 250 are expected",
        "lacks channels that are expected: O1",
    ]
    assert eeg.coverage is not None
    assert eeg.needed_coverage == 0.75
    assert source.closed.is_set()


@async_test
async def test_a_stream_that_a_session_reads_is_not_opened_again() -> None:
    source = FakeSource([*ramps(EEG, 30), threading.Event()])
    network = CountingNetwork()
    mine = parts(network)
    mine.startup = {Modality.EEG: source}
    async with running(mine) as service:
        await service.service.sessions.all()[0].running.wait()
        answer = await looked(service)

    eeg = by_role(answer)["eeg"]
    assert eeg.session_id == service.service.sessions.all()[0].id
    assert eeg.state in ("live", "stale")
    assert eeg.windows > 0
    assert eeg.required


@async_test
async def test_those_who_ask_together_get_one_look_and_the_computer_is_looked_at_once() -> None:
    network = CountingNetwork()
    async with running(parts(network)) as service:
        answers = await asyncio.gather(*(looked(service) for _ in range(5)))
        await looked(service)

    assert network.searches <= 3
    assert network.loopbacks == 1
    assert len({a.worst for a in answers}) == 1


@async_test
async def test_consent_and_disk_stop_a_session_too() -> None:
    host = FakeHost(space=Room(1_000_000, 200 * 10**9))
    async with running(parts(CountingNetwork(), host, require_consent=True)) as service:
        without = await looked(service, participant="P-01")
        storage = service.service.storage
        storage.enter("P-01")
        storage.consent("P-01", notice="notice/1", recorded_by="anna")
        withit = await looked(service, participant="P-01")
        nobody = await looked(service)

    assert [f.state for f in of(without, "consent")] == ["problem"]
    assert [f.state for f in of(withit, "consent")] == ["ok"]
    assert [f.state for f in of(nobody, "consent")] == ["note"]
    assert of(withit, "disk")[0].stops
    assert not withit.ready


@async_test
async def test_what_cannot_be_asked() -> None:
    async with running(parts(CountingNetwork())) as service:
        for query in ({"seconds": "0"}, {"seconds": "60"}, {"participant": "../x"}):
            refused = await service.http.get("/api/v1/preflight", params=query)
            assert refused.status_code == 422
            assert refused.json()["code"] == "invalid-request"
