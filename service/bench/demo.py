"""The demo as a user starts it, in a process of its own, and what its client sees."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from websockets.asyncio.client import connect

from hadua.models.errors import HaduaError

COMMAND = (sys.executable, "-m", "hadua.service.cli.serve", "--demo", "--port", "0")
WARM_UP = 10  # windows: the first eye window needs four seconds of gaze
_END_S = 10.0
_SILENT_S = 10.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is ready.

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
        """The WebSocket of its session."""
        return self.url.replace("http", "ws", 1) + "/api/v1/sessions/demo/ws"


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
def demo() -> Iterator[Demo]:
    """Start it, and stop it by its process id."""
    began = time.perf_counter()
    process = subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ
    )
    try:
        line = "" if process.stdout is None else process.stdout.readline()
        ready_s = time.perf_counter() - began
        found = re.fullmatch(r"hadua is ready: (http://\S+)\n", line)
        if found is None:
            raise HaduaError("hadua-serve --demo did not become ready", got=repr(line))
        yield Demo(process.pid, found[1], ready_s)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_END_S)
        if process.stdout is not None:
            process.stdout.close()


async def listen(address: str, *, seconds: float, into: Heard) -> None:
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
