"""Many clients: a hundred lose no frame, and those that idle cost little.

How fast it is, `benchmarks/clients.py` measures.
"""

import asyncio
import json
import threading
from contextlib import AsyncExitStack

import httpx
import pytest
from support.service import EEG, FakeSource, Parts, async_test, ramps, running
from websockets.asyncio.client import ClientConnection, connect

from hadua.models.features import Modality
from hadua.service.bench.process import Process
from hadua.service.certify.processes import service as service_process

N_CLIENTS = 100
N_ANSWERS = 20
AT_ONCE = 50
EACH_KB = 100.0  # 42 were measured
A_THOUSAND_MB = 500.0


async def heard(ws: ClientConnection, n: int = N_ANSWERS) -> list[int]:
    """The `seq` of every prediction, until there are so many."""
    seqs: list[int] = []
    while len(seqs) < n:
        frame = json.loads(await ws.recv())
        if frame["type"] == "prediction":
            seqs.append(frame["seq"])
    return seqs


@async_test
async def test_a_hundred_clients_lose_no_prediction() -> None:
    gate = threading.Event()
    async with running(Parts()) as service, AsyncExitStack() as stack:
        source = FakeSource([gate, *ramps(EEG, N_ANSWERS), threading.Event()])
        session = service.service.sessions.start({Modality.EEG: source}, session_id="a")
        await session.running.wait()
        address = f"{service.ws_url}/api/v1/sessions/a/ws?policy=lossless"
        clients = [await stack.enter_async_context(connect(address)) for _ in range(N_CLIENTS)]
        gate.set()

        async with asyncio.timeout(30.0):
            all_heard = await asyncio.gather(*(heard(ws) for ws in clients))

        assert all(seqs == all_heard[0] for seqs in all_heard)
        metrics = (await service.http.get("/metrics")).text
        assert "hadua_frames_dropped_total 0.0" in metrics


@pytest.mark.parametrize(
    ("n", "idle_s"),
    [
        pytest.param(200, 1.0, id="bounded"),
        pytest.param(
            1000, 60.0, marks=[pytest.mark.soak, pytest.mark.timeout(300)], id="a thousand"
        ),
    ],
)
def test_clients_that_idle_cost_little_and_are_still_there(n: int, idle_s: float) -> None:
    """Of the demo, as a process of its own: what it has resident before and with them."""
    with service_process(1, ("--demo",), settings={"HADUA_MAX_CLIENTS": str(n + 1)}) as (url, pid):
        before_mb, with_them_mb = asyncio.run(_idling(url, pid, n=n, idle_s=idle_s))

    assert (with_them_mb - before_mb) * 1024.0 / n <= EACH_KB
    assert with_them_mb <= A_THOUSAND_MB


async def _idling(url: str, pid: int, *, n: int, idle_s: float) -> tuple[float, float]:
    session = f"{url}/api/v1/sessions/demo"
    address = f"{session.replace('http', 'ws', 1)}/ws"
    process = Process(pid)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(connect(f"{address}?types=prediction"))
        await heard(first, 4)  # what the first answers bring with them is not the clients'
        before_mb = process.memory_mb()
        clients: list[ClientConnection] = []
        for _ in range(n // AT_ONCE):
            opening = (connect(f"{address}?types=marker") for _ in range(AT_ONCE))
            clients += await asyncio.gather(*map(stack.enter_async_context, opening))
        await asyncio.sleep(idle_s)  # it is the load's length
        with_them_mb = process.memory_mb()

        async with httpx.AsyncClient() as http:
            await http.post(f"{session}/markers", json={"text": "anybody there?"})
        async with asyncio.timeout(30.0):
            await asyncio.gather(*(told(ws, "anybody there?") for ws in clients))
    return before_mb, with_them_mb


async def told(ws: ClientConnection, text: str) -> None:
    """Wait for that marker; the simulated person's own come before it."""
    while json.loads(await ws.recv()).get("text") != text:
        pass
