"""A hundred clients at once lose no frame; how fast that is, `benchmarks/clients.py` measures."""

import asyncio
import json
import threading
from contextlib import AsyncExitStack

from support.service import EEG, FakeSource, Parts, async_test, ramps, running
from websockets.asyncio.client import ClientConnection, connect

from hadua.models.features import Modality

N_CLIENTS = 100
N_ANSWERS = 20


async def heard(ws: ClientConnection) -> list[int]:
    """The `seq` of every prediction, until the last one."""
    seqs: list[int] = []
    while len(seqs) < N_ANSWERS:
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
