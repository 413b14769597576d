"""How many listen: a hundred clients, one among them that never reads, a thousand that idle.

    python benchmarks/clients.py [--seconds 30]

The way that is measured is from the arrival of a window's sample at the service to the bytes of
its prediction at each client, which runs in this process on the same machine and clock.
"""

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from plain_client import UPGRADE, PlainClient
from table import Row, machine, markdown

N_CLIENTS = 100
N_IDLE = 1000
PATH = "/api/v1/sessions/demo/ws"
SERVICE = Path(__file__).with_name("ticking_service.py")


def rows(*, seconds: float = 30.0) -> list[Row]:
    """The hundred, then the hundred with the deaf one, then the thousand."""
    with _service() as (process, url):
        crowd = asyncio.run(_crowd(process, url, seconds))
    with _service() as (process, url):
        idle = asyncio.run(_idle(process, url))
    return [*crowd, *idle]


@contextmanager
def _service() -> Iterator[tuple[psutil.Process, str]]:
    command = (sys.executable, str(SERVICE), str(N_IDLE + N_CLIENTS))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout is None:
            raise SystemExit("no pipe to the service")
        url = child.stdout.readline().strip()
        if not url:
            raise SystemExit("the service did not start")
        yield psutil.Process(child.pid), url.removeprefix("http://")
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=10.0)
        if child.stdout is not None:
            child.stdout.close()


async def _connect(address: str, n: int, *, path: str = PATH) -> list[PlainClient]:
    loop = asyncio.get_running_loop()
    host, port = address.split(":")
    clients = []
    for _ in range(n):
        _, client = await loop.create_connection(
            lambda: PlainClient(address, path), host, int(port)
        )
        await client.greeted.wait()
        clients.append(client)
    return clients


async def _crowd(process: psutil.Process, address: str, seconds: float) -> list[Row]:
    clients = await _connect(address, N_CLIENTS)
    await asyncio.sleep(2.0)
    # The deaf one comes and goes, so that a drift of the machine meets both halves alike.
    alone: list[float] = []
    beside: list[float] = []
    grown_mb: list[float] = []
    closed_after_s: list[float] = []
    for _ in range(3):
        alone += await _ways_ms(clients, seconds / 6.0)
        before_mb = _memory_mb(process)
        deaf, since_s = _deaf(address), time.time()
        beside += await _ways_ms(clients, seconds / 6.0)
        grown_mb.append(_memory_mb(process) - before_mb)
        closed_after_s.append(await _closed_after_s(deaf, since_s))
    lost = sum(_lost(client) for client in clients)
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    return [
        _way(f"{N_CLIENTS} clients", alone, f"{lost} frames lost"),
        _way("the same beside one that never reads", beside,
             f"p99 {np.quantile(beside, 0.99) / np.quantile(alone, 0.99):.2f} times that without; "
             f"{lost} frames lost"),
        Row("memory that it costs", float(np.median(grown_mb)), max(grown_mb), "MB",
            setting="growth of the service; the second figure is the most of three"),
        Row("it is cut after", float(np.median(closed_after_s)), max(closed_after_s), "s",
            setting="three times; the second figure is the slowest"),
    ]  # fmt: skip


async def _ways_ms(clients: list[PlainClient], seconds: float) -> list[float]:
    """Arrival of the sample to receipt, of every prediction that comes in that time."""
    begun = [len(client.texts) for client in clients]
    await asyncio.sleep(seconds)
    ways = []
    for client, first in zip(clients, begun, strict=True):
        for heard_s, text in client.texts[first:]:
            frame = json.loads(text)
            if frame["type"] == "prediction":
                ways.append((heard_s - frame["time_unix"]) * 1e3)
    return ways


def _way(name: str, ways_ms: list[float], setting: str) -> Row:
    p50, p99 = np.quantile(ways_ms, (0.5, 0.99)).tolist()
    return Row(f"sample to client, {name}", p50, p99, "ms",
               setting=f"10 predictions a second; n = {len(ways_ms)}; {setting}")  # fmt: skip


def _lost(client: PlainClient) -> int:
    """Frames of the session that did not come, gaps or not."""
    frames = [json.loads(text) for _, text in client.texts]
    seqs = [frame["seq"] for frame in frames if frame["type"] not in ("hello", "gap", "bye")]
    return int(seqs[-1] - seqs[0] + 1 - len(seqs))


def _deaf(address: str) -> socket.socket:
    host, port = address.split(":")
    deaf = socket.create_connection((host, int(port)))
    deaf.sendall(UPGRADE.format(host=address, path=f"{PATH}?after_seq=0").encode())
    return deaf


async def _closed_after_s(deaf: socket.socket, since_s: float) -> float:
    """Until the service has cut it; told by the socket's end, without reading before."""
    deaf.setblocking(False)
    while _is_open(deaf):  # noqa: ASYNC110 - only a try tells
        await asyncio.sleep(0.1)
    deaf.close()
    return time.time() - since_s


def _is_open(deaf: socket.socket) -> bool:
    """A connection that was cut refuses what is sent; one byte is no whole frame."""
    try:
        deaf.send(b"\x81")
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


async def _idle(process: psutil.Process, address: str) -> list[Row]:
    await asyncio.sleep(1.0)
    before_mb = _memory_mb(process)
    clients = await _connect(address, N_IDLE, path=f"{PATH}?types=marker")
    await asyncio.sleep(5.0)
    after_mb = _memory_mb(process)
    left = sum(client.closed_s is None for client in clients)
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    return [
        Row(f"memory with {N_IDLE} idle clients", after_mb, None, "MB",
            f"without clients {before_mb:.0f} MB", after_mb / before_mb,
            f"{(after_mb - before_mb) * 1024 / N_IDLE:.0f} kB each; {left} still there"),
    ]  # fmt: skip


def _memory_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    sys.stdout.write(markdown(rows(seconds=arguments.seconds), machine()))


if __name__ == "__main__":
    main()
