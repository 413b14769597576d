"""What it costs to have the service: start, memory, processor, space on the disk."""

import asyncio
import time
import urllib.request
from contextlib import AsyncExitStack

from websockets.asyncio.client import connect

from hadua.service.bench.effort import Effort
from hadua.service.bench.installed import installed_mb
from hadua.service.bench.process import Process, ProcessUnknownError
from hadua.service.bench.row import Row
from hadua.service.bench.started import Serving, demo
from hadua.service.bench.timing import Quantiles

READY_WITHIN_S, WITHIN_MB, GROWTH_MB_AN_HOUR = 1.5, 160.0, 1.0
_LEAST_FOR_GROWTH_S = 600.0
_WARM_SHARE = 0.5
_PAGE = ("/", "/dashboard/app.js", "/dashboard/style.css")


def rows(effort: Effort) -> list[Row]:
    """Some starts; then one demo with its dashboard open."""
    return [_starts(effort.starts), *_running(effort.seconds), _size()]


def _starts(n: int) -> Row:
    ready_s = []
    for _ in range(n):
        with demo() as started:
            ready_s.append(started.ready_s)
    q = Quantiles.of(ready_s)
    return Row(
        "start of hadua-serve --demo to ready", q.p50, max(ready_s), "s",
        setting=f"{n} starts; the second figure is the slowest", target=READY_WITHIN_S,
    )  # fmt: skip


def _running(seconds: float) -> list[Row]:
    with demo() as serving:
        try:
            process = Process(serving.pid)
        except ProcessUnknownError as error:
            return [Row.missing("memory and processor of the demo", str(error))]
        mb = asyncio.run(_watched(serving, process, seconds))
        busy = Row(
            "processor of the demo, start included", 100.0 * process.cpu_s() / seconds, None,
            "% of a core", setting="simulator, features, model and an open dashboard",
        )  # fmt: skip
    setting = f"after {seconds:g} s, the dashboard's page loaded and its socket open"
    return [
        Row("resident memory of the demo", mb[-1], None, "MB", setting=setting, target=WITHIN_MB),
        _growth(mb, seconds),
        busy,
    ]


async def _watched(serving: Serving, process: Process, seconds: float) -> list[float]:
    """Megabytes, once a second, while a page like the dashboard listens."""
    mb: list[float] = []
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(_load_page, serving.url)
        ws = await stack.enter_async_context(connect(serving.predictions))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(1.0):
                    while True:
                        await ws.recv()
            except TimeoutError:
                mb.append(process.memory_mb())
    return mb


def _load_page(url: str) -> None:
    for path in _PAGE:
        with urllib.request.urlopen(url + path, timeout=10.0) as answer:
            answer.read()


def _growth(mb: list[float], seconds: float) -> Row:
    name = "growth of the demo's memory"
    if seconds < _LEAST_FOR_GROWTH_S:
        why = f"{_LEAST_FOR_GROWTH_S:g} s are needed (--seconds), buffers fill before"
        return Row.missing(name, why)
    late = mb[int(_WARM_SHARE * len(mb)) :]
    an_hour = (late[-1] - late[0]) * 3600.0 / ((1.0 - _WARM_SHARE) * seconds)
    setting = f"over the second half of {seconds:g} s"
    return Row(name, an_hour, None, "MB an hour", setting=setting, target=GROWTH_MB_AN_HOUR)


def _size() -> Row:
    own, whole, n = installed_mb("hadua", extras=("cpu",))
    itself = (
        f"hadua itself {own:.1f} MB"
        if own > 0.1
        else "without hadua itself, which runs from its sources"
    )
    return Row(
        'installed size of "hadua[cpu]"', whole, None, "MB",
        setting=f"{n} distributions; {itself}",
    )  # fmt: skip
