"""The service as a user starts it, in a process of its own, and what its clients see."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hadua.models.errors import HaduaError

COMMAND = (sys.executable, "-m", "hadua.service.cli.serve", "--port", "0")
WARM_UP = 10  # windows: the first eye window needs four seconds of gaze
_END_S = 10.0
_SILENT_S = 10.0


@dataclass(frozen=True, slots=True)
class Serving:
    """A service that is ready.

    Args:
        pid: Of its process.
        url: Where it serves.
        ready_s: From the start of the process until it said so.
    """

    pid: int
    url: str
    ready_s: float

    @property
    def predictions(self) -> str:
        """The WebSocket of the demo's session."""
        return self.predictions_of("demo")

    def predictions_of(self, session_id: str) -> str:
        """The WebSocket of a session."""
        return self.url.replace("http", "ws", 1) + f"/api/v1/sessions/{session_id}/ws"


@dataclass(slots=True)
class Heard:
    """What came to a client, milliseconds: the whole way, and each stage as the service says it."""

    way_ms: list[float] = field(default_factory=list)
    stage_ms: dict[str, list[float]] = field(default_factory=dict)

    def take(self, frame: dict[str, object], *, now_unix: float) -> None:
        """Note a prediction."""
        self.way_ms.append((now_unix - float(str(frame["time_unix"]))) * 1e3)
        stages = frame["latency_ms"]
        if isinstance(stages, dict):
            for name, ms in stages.items():
                self.stage_ms.setdefault(name, []).append(ms)


@contextmanager
def demo() -> Iterator[Serving]:
    """Start the demo, and stop it by its process id."""
    with serving("--demo") as started:
        yield started


@contextmanager
def serving(*options: str, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Serving]:
    """Start the service with these options and environment, and stop it by its process id.

    Raises:
        HaduaError: it did not become ready.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        (*COMMAND, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **settings},
    )
    try:
        line = "" if process.stdout is None else process.stdout.readline()
        ready_s = time.perf_counter() - began
        found = re.fullmatch(r"hadua is ready: (http://\S+)\n", line)
        if found is None:
            said = " ".join(("hadua-serve", *options))
            raise HaduaError(f"{said} did not become ready", got=repr(line))
        yield Serving(process.pid, found[1], ready_s)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_END_S)
        if process.stdout is not None:
            process.stdout.close()


def hear(addresses: Sequence[str], seconds: float, into: Heard) -> None:
    """Listen to some WebSockets at once for so long.

    Raises:
        HaduaError: one of them ended, or never began.
    """

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(_listen(address, seconds=seconds, into=into))

    try:
        asyncio.run(all_of_them())
    except* (ConnectionClosed, TimeoutError) as errors:
        got = repr(errors.exceptions[0])
        raise HaduaError(f"no more predictions from {addresses[0]!r}", got=got) from errors


async def _listen(address: str, *, seconds: float, into: Heard) -> None:
    """Listen to a WebSocket for so long, the first windows left out.

    The client reads the same wall clock as the service: a frame's `time_unix` is when the window's
    last sample arrived there, so the difference at receipt is the whole way.
    """
    until, heard = time.monotonic() + seconds, 0
    async with connect(address, open_timeout=_SILENT_S, close_timeout=_SILENT_S) as ws:
        async for text in ws:
            now_unix = time.time()
            frame = json.loads(text)
            if frame["type"] == "prediction":
                heard += 1
                if heard > WARM_UP:
                    into.take(frame, now_unix=now_unix)
            if time.monotonic() >= until:
                return
