"""Clients in a process of their own, for `clients.py`: told by lines, they answer in lines of JSON.

python benchmarks/listening.py HOST:PORT PATH N

note     begin: forget what came so far
told     {"ways_ms": [...], "lost": n}: of every prediction since, from the arrival of its
         sample at the service to the receipt of its bytes here
closed   how many connections were closed by the other side
"""

import asyncio
import json
import sys

import msgspec
from plain_client import PlainClient

NUMBERED = {"prediction", "status", "quality", "marker"}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """`ways_ms`: of each prediction, from its sample's arrival at the service to its bytes here.

    `lost` frames did not come; `closed` connections were closed by the other side.
    """

    ways_ms: list[float] = []
    lost: int = 0
    closed: int = 0


class Listeners:
    """Connected clients, and what they have heard since they were last asked."""

    def __init__(self, clients: list[PlainClient]) -> None:
        self._clients = clients

    def note(self) -> Told:
        for client in self._clients:
            client.texts.clear()
        return Told()

    def told(self) -> Told:
        ways_ms: list[float] = []
        lost = 0
        for client in self._clients:
            frames = [(heard_s, json.loads(text)) for heard_s, text in client.texts]
            seqs = [f["seq"] for _, f in frames if f["type"] in NUMBERED]
            lost += seqs[-1] - seqs[0] + 1 - len(seqs) if seqs else 0
            ways_ms += [(t - f["time_unix"]) * 1e3 for t, f in frames if f["type"] == "prediction"]
        closed = sum(client.closed_s is not None for client in self._clients)
        return Told(ways_ms=ways_ms, lost=lost, closed=closed)


async def connected(address: str, path: str, n: int) -> list[PlainClient]:
    async with asyncio.TaskGroup() as tasks:
        connecting = [tasks.create_task(connect(address, path)) for _ in range(n)]
    return [task.result() for task in connecting]


async def connect(address: str, path: str) -> PlainClient:
    host, port = address.split(":")
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: PlainClient(address, path), host, int(port))
    await client.greeted.wait()
    return client


async def listen(address: str, path: str, n: int) -> None:
    listeners = Listeners(await connected(address, path, n))
    answers = {"note": listeners.note, "told": listeners.told}
    print("connected", flush=True)
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        print(msgspec.json.encode(answers[line]()).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1], sys.argv[2], int(sys.argv[3])))
