"""How many listen: a hundred clients, one among them that never reads, more and more often, a
thousand that idle.

    python benchmarks/clients.py [--seconds 30]

The way that is measured is from the arrival of a window's sample at the service to the bytes of
its prediction at each client. Clients are processes of their own on the same machine and clock.
What they and the machine cost by themselves is measured beside it, in turns: the same clients,
listening to a loop that sends as many bytes to as many sockets and does nothing else.
"""

import argparse
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import psutil
from listening import Told
from plain_client import UPGRADE
from table import Row, machine, markdown

from hadua.service.bench.effort import Effort

N_CLIENTS = 100
N_IDLE = 1000
PROCESSES = 2  # of clients
TURNS = 4
RATES = ((100, 100.0), (400, 100.0))  # clients, and predictions a second: up to 40,000 a second
PATH = "/api/v1/sessions/demo/ws"
TEXT_BYTES = 640  # a prediction of the ticking service
HERE = Path(__file__).parent


@dataclass
class Child:
    """A process that answers lines with lines."""

    process: subprocess.Popen[str]

    def line(self) -> str:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended")
        return line

    def ask(self, word: str) -> Told:
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return msgspec.json.decode(self.line(), type=Told)

    @property
    def memory_mb(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20


@dataclass
class Heard:
    """Ways of predictions, in ms, and frames that did not come."""

    ways_ms: list[float] = field(default_factory=list)
    lost: int = 0
    seconds: float = 0.0

    @property
    def a_second(self) -> float:
        return len(self.ways_ms) / self.seconds

    def quantiles(self) -> tuple[float, float]:
        p50, p99 = np.quantile(self.ways_ms, (0.5, 0.99)).tolist()
        return p50, p99


@contextmanager
def _child(script: str, *arguments: str) -> Iterator[Child]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Child(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15.0)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def _bare(rate_hz: float = 10.0) -> Iterator[str]:
    with _child("bare_broadcast.py", str(TEXT_BYTES), str(rate_hz)) as child:
        yield child.line()


@contextmanager
def _service(rate_hz: float = 10.0) -> Iterator[tuple[Child, str]]:
    with _child("ticking_service.py", str(N_IDLE + N_CLIENTS), str(rate_hz)) as child:
        yield child, child.line().removeprefix("http://")


@contextmanager
def listeners(address: str, n: int, *, path: str = PATH) -> Iterator[list[Child]]:
    """So many clients, in processes of their own."""
    with ExitStack() as stack:
        shares = [str(n // PROCESSES)] * PROCESSES
        children = [
            stack.enter_context(_child("listening.py", address, path, share)) for share in shares
        ]
        for child in children:
            child.line()
        yield children


def hear(children: list[Child], seconds: float, into: Heard) -> None:
    """Note what they hear for so long."""
    for child in children:
        child.ask("note")
    time.sleep(seconds)
    into.seconds += seconds
    for child in children:
        told = child.ask("told")
        into.ways_ms += told.ways_ms
        into.lost += told.lost


def rows(*, seconds: float = 30.0) -> list[Row]:
    """The hundred in turns with their floor and with the deaf one; more, faster; the thousand."""
    fast = [row for n, rate_hz in RATES for row in _fast(n, rate_hz, seconds / TURNS)]
    return [*_crowd(seconds), *fast, *_idle()]


def suite_rows(effort: Effort) -> list[Row]:
    """The same, as a group of `hadua bench`."""
    return rows(seconds=effort.seconds / 2.0)


def _fast(n: int, rate_hz: float, seconds: float) -> list[Row]:
    """As many messages a second as that makes, or as come, against a loop that only sends."""
    ours, floor = Heard(), Heard()
    with _bare(rate_hz) as address, listeners(address, n) as children:
        hear(children, seconds, floor)
    with _service(rate_hz) as (_, address), listeners(address, n) as children:
        time.sleep(1.0)
        hear(children, seconds, ours)
    name = f"sample to client, {n} clients x {rate_hz:g} a second"
    if not ours.ways_ms or not floor.ways_ms:
        return [Row.missing(name, "nothing came to the clients")]
    p50, p99 = ours.quantiles()
    bare = floor.quantiles()
    return [
        Row(name, p50, p99, "ms", f"bytes to as many sockets: {bare[0]:.3g}, p99 {bare[1]:.3g}",
            p50 / bare[0], f"{ours.lost} of {ours.lost + len(ours.ways_ms)} frames lost"),
        Row(f"seconds of {n * rate_hz:g} messages to {n} clients", n * rate_hz / ours.a_second,
            None, "s", "the bare loop", floor.a_second / ours.a_second,
            f"{ours.a_second:.0f} came a second, of the bare loop {floor.a_second:.0f}"),
    ]  # fmt: skip


def _crowd(seconds: float) -> list[Row]:
    alone, floor, beside = Heard(), Heard(), Heard()
    grown_mb: list[float] = []
    closed_after_s: list[float] = []
    for _ in range(TURNS):
        with _bare() as address, listeners(address, N_CLIENTS) as children:
            hear(children, seconds / TURNS, floor)
        with _service() as (service, address), listeners(address, N_CLIENTS) as children:
            time.sleep(1.0)
            hear(children, seconds / TURNS, alone)
            before_mb, since_s = service.memory_mb, time.time()
            deaf = _deaf(address)
            hear(children, seconds / TURNS, beside)
            grown_mb.append(service.memory_mb - before_mb)
            closed_after_s.append(_closed_after_s(deaf, since_s))
    return [
        _way("the floor: bytes to as many sockets", floor),
        _way(f"{N_CLIENTS} clients", alone, against=floor),
        _way("the same beside one that never reads", beside, against=alone),
        Row("memory that it costs", float(np.median(grown_mb)), max(grown_mb), "MB",
            setting=f"growth of the service; the second figure is the most of {TURNS}"),
        Row("it is cut after", float(np.median(closed_after_s)), max(closed_after_s), "s",
            setting=f"{TURNS} times; the second figure is the slowest"),
    ]  # fmt: skip


def _way(name: str, heard: Heard, *, against: Heard | None = None) -> Row:
    p50, p99 = heard.quantiles()
    setting = f"10 a second; n = {len(heard.ways_ms)}; {heard.lost} frames lost"
    if against is None:
        return Row(f"sample to client, {name}", p50, p99, "ms", setting=setting)
    other = against.quantiles()
    ratios = f"p50 {p50 / other[0]:.2f}, p99 {p99 / other[1]:.2f} times the row above; "
    return Row(f"sample to client, {name}", p50, p99, "ms", setting=ratios + setting)


def _deaf(address: str) -> socket.socket:
    host, port = address.split(":")
    deaf = socket.create_connection((host, int(port)))
    deaf.sendall(UPGRADE.format(host=address, path=f"{PATH}?after_seq=0").encode())
    return deaf


def _closed_after_s(deaf: socket.socket, since_s: float) -> float:
    """Until the service has cut it; told by the socket's end, without reading before."""
    deaf.setblocking(False)
    while _is_open(deaf):
        time.sleep(0.1)
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


def _idle() -> list[Row]:
    with _service() as (service, address):
        time.sleep(1.0)
        before_mb = service.memory_mb
        with listeners(address, N_IDLE, path=f"{PATH}?types=marker") as children:
            time.sleep(5.0)
            after_mb = service.memory_mb
            closed = sum(child.ask("told").closed for child in children)
    return [
        Row(f"memory with {N_IDLE} idle clients", after_mb, None, "MB",
            f"without clients {before_mb:.0f} MB", after_mb / before_mb,
            f"{(after_mb - before_mb) * 1024 / N_IDLE:.0f} kB each; {N_IDLE - closed} still there"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    sys.stdout.write(markdown(rows(seconds=arguments.seconds), machine()))


if __name__ == "__main__":
    main()
