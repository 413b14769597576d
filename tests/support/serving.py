"""`hadua-serve` and senders as processes of their own, and what a WebSocket client hears."""

import asyncio
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

SERVE = (sys.executable, "-m", "hadua.service.cli.serve")
START_TIMEOUT_S = 40.0
SUPPORT = Path(__file__).parent

Frame = dict[str, object]


@dataclass
class Process:
    """A child, its lines as they come, and everything it wrote to stderr."""

    child: subprocess.Popen[str]
    errors: list[str] = field(default_factory=list)
    _lines: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def line(self, *, timeout_s: float = START_TIMEOUT_S) -> str:
        """The next line of stdout; empty at its end."""
        try:
            return self._lines.get(timeout=timeout_s).rstrip("\n")
        except queue.Empty:
            raise AssertionError(f"silent for {timeout_s} s; stderr: {self.errors}") from None


@contextmanager
def process(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A child that is ended with the block: asked first, killed after three seconds.

    It works in an empty folder of its own, so that no two services keep things in the same place.

    Args:
        command: What it runs.
        environment: Variables besides those of this process.
    """
    folder = tempfile.TemporaryDirectory(prefix="hadua-process-")
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=folder.name,
        env={**os.environ, **(environment or {})},
    )
    running = Process(child)
    assert child.stdout is not None
    assert child.stderr is not None
    out, err = child.stdout, child.stderr

    def read_lines() -> None:
        for line in out:
            running._lines.put(line)
        running._lines.put("")

    def read_errors() -> None:
        running.errors.extend(err)

    readers = [threading.Thread(target=read_lines), threading.Thread(target=read_errors)]
    for reader in readers:
        reader.start()
    try:
        yield running
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=20.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for reader in readers:
            reader.join()
        out.close()
        err.close()
        folder.cleanup()


@contextmanager
def serving(*flags: str) -> Iterator[tuple[Process, str]]:
    """A service on a free port and its URL, once it says that it is ready."""
    with process([*SERVE, "--port", "0", *flags]) as running:
        line = running.line()
        found = re.fullmatch(r"hadua is ready: (http://127\.0\.0\.1:\d+)", line)
        assert found, (line, running.errors)
        yield running, found[1]


@contextmanager
def sender(script: str, *arguments: str) -> Iterator[tuple[Process, Frame]]:
    """A sender of tests/support and what it says once its outlets are up."""
    with process([sys.executable, str(SUPPORT / script), *arguments]) as running:
        yield running, json.loads(running.line())


def only_session(url: str) -> str:
    """Id of the one session of a service."""
    (session,) = httpx.get(f"{url}/api/v1/sessions").json()["sessions"]
    return str(session["id"])


def hear(url: str, *, until: Callable[[Frame], bool], timeout_s: float) -> list[Frame]:
    """The frames of a service's one session from its first on, until one is the last wanted."""
    path = f"/api/v1/sessions/{only_session(url)}/ws?after_seq=0"

    async def listen() -> list[Frame]:
        frames: list[Frame] = []
        async with asyncio.timeout(timeout_s):
            async with connect(url.replace("http", "ws") + path) as ws:
                try:
                    while not (frames and until(frames[-1])):
                        frames.append(json.loads(await ws.recv()))
                except ConnectionClosed:
                    return frames
        return frames

    return asyncio.run(listen())


def predictions(frames: Sequence[Frame]) -> list[Frame]:
    """The prediction frames among them."""
    return [f for f in frames if f["type"] == "prediction"]
