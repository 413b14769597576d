"""The demo as a user starts it: time to ready, memory, and last sample's arrival to client.

The client runs in this process and reads the same wall clock: a frame's `time_unix` is when the
window's last sample arrived at the service, so the difference at receipt is the whole way.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psutil
from table import Row
from websockets.asyncio.client import connect

COMMAND = (sys.executable, "-m", "hadua.service.cli.serve", "--demo", "--port", "0")
STARTS = 5
WARM_UP = 10  # windows: the first eye window needs four seconds of gaze


def rows(*, seconds: float = 60.0) -> list[Row]:
    """Five starts; then one run of `seconds` with one client."""
    started = [_start_once() for _ in range(STARTS)]
    with _demo() as (process, url, _):
        time.sleep(1.0)
        totals_ms, stages = asyncio.run(_listen(url, seconds))
        memory_mb = psutil.Process(process.pid).memory_info().rss / 2**20
        cpu_s = sum(psutil.Process(process.pid).cpu_times()[:2])
    p50, p99 = np.quantile(totals_ms, (0.5, 0.99)).tolist()
    inside = [float(np.median(v)) for k, v in stages.items() if k != "total"]
    floor = f"its own stages: {', '.join(f'{k} {np.median(v):.2f}' for k, v in stages.items())} ms"
    return [
        Row("start of hadua-serve --demo to ready", float(np.median(started)), max(started), "s",
            setting=f"{STARTS} starts; the second figure is the slowest"),
        Row("resident memory of the demo", memory_mb, None, "MB", setting=f"after {seconds:g} s"),
        Row("processor of the demo, start included", 100.0 * cpu_s / (seconds + 1.0), None,
            "% of a core", setting="simulator, features, model and one client"),
        Row("last sample's arrival to WebSocket client", p50, p99, "ms", floor,
            p50 / sum(inside), f"{len(totals_ms)} windows after the first {WARM_UP}"),
    ]  # fmt: skip


@contextmanager
def _demo() -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    began = time.perf_counter()
    process = subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ
    )
    try:
        if process.stdout is None:
            raise SystemExit("no pipe to hadua-serve")
        found = re.fullmatch(r"hadua is ready: (http://\S+)\n", process.stdout.readline())
        ready_s = time.perf_counter() - began
        if found is None:
            raise SystemExit("hadua-serve --demo did not become ready")
        yield process, found[1], ready_s
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10.0)


def _start_once() -> float:
    with _demo() as (_, _, ready_s):
        return ready_s


async def _listen(url: str, seconds: float) -> tuple[list[float], dict[str, list[float]]]:
    totals_ms: list[float] = []
    stages: dict[str, list[float]] = {}
    until = time.monotonic() + seconds
    heard = 0
    async with connect(url.replace("http", "ws") + "/api/v1/sessions/demo/ws") as ws:
        while time.monotonic() < until:
            text = await ws.recv()
            now = time.time()
            frame = json.loads(text)
            if frame["type"] != "prediction":
                continue
            heard += 1
            if heard <= WARM_UP:
                continue
            totals_ms.append((now - frame["time_unix"]) * 1e3)
            for stage, ms in frame["latency_ms"].items():
                stages.setdefault(stage, []).append(ms)
    return totals_ms, stages
