"""What can happen to a world: each step of a scenario as something done from outside."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace

import httpx
from support.faults_bundle import CLASSES
from support.injected import InjectedSource, Wire
from support.learning import learners
from support.scenario import Step
from support.sockets import deaf_socket
from support.world import MODALITIES, Person, World
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hadua.adapters.sources.source import EndOfStreamError
from hadua.models.errors import StreamLostError
from hadua.service.storage.database import FILE_NAME

MOST_CLIENTS = 8
SIDE_BY_SIDE = 2
"""Chunks of each stream before the other one's turn."""
Frame = dict[str, object]


class Client:
    """A WebSocket client that reads, and keeps what it has read until somebody looks.

    Args:
        ws: Connected to the session.
        person: Whose it is.
    """

    def __init__(self, ws: ClientConnection, person: Person) -> None:
        self.ws, self.person = ws, person
        self.frames: list[Frame] = []
        self.closed = False
        self.at: dict[int, int] = {}
        self.task = asyncio.create_task(self._read(), name="test client")

    async def _read(self) -> None:
        try:
            while True:
                frame = json.loads(await self.ws.recv())
                self.frames.append(frame)
        except ConnectionClosed:
            self.closed = True

    async def leave(self) -> None:
        """Go, as a client does that closes its page."""
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.ws.close()


class Happenings:
    """Carries steps out. A request may be refused, but only in words that are documented.

    Args:
        world: Running.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients: list[Client] = []
        self.deaf: list[socket.socket] = []
        self.refused = 0
        self.most_clients = MOST_CLIENTS
        self.done: dict[str, int] = {}

    async def do(self, step: Step) -> None:
        """One step, and everything that follows from it at once."""
        world = self.world
        person = world.people[step.who % len(world.people)]
        act: Callable[[Person, Step], Awaitable[None]]
        act = getattr(self, "_" + _METHODS.get(step.name, step.name.replace("-", "_")))
        await act(person, step)
        self.done[step.name] = self.done.get(step.name, 0) + 1
        await world.settle(person)

    async def close(self) -> None:
        """Every client leaves."""
        for client in self.clients:
            await client.leave()
        for sock in self.deaf:
            sock.close()
        self.clients, self.deaf = [], []

    # Sessions

    async def _start(self, person: Person, step: Step) -> None:
        if self.world.runs(person):
            return
        k = str(self.world.people.index(person))
        texts = {name: k for name in MODALITIES if step.what in (name, "both")}
        person.sources = {}
        for wire in person.wires.values():
            wire.t_s = self.world.now_s
        body = {"id": person.session_id, "participant": person.participant} | texts
        answer = await self._ask("POST", "/api/v1/sessions", body)
        if answer.is_success:
            person.begin(answer.json()["epoch"], self.world.now_s)

    async def _stop(self, person: Person, step: Step) -> None:
        del step
        await self._ask("POST", f"{person.path}/stop")

    async def _restart(self, person: Person, step: Step) -> None:
        del person, step
        await self.close()
        await self.world.stop()
        await self.world.start()

    # Streams

    async def _feed(self, person: Person, step: Step) -> None:
        if not self.world.runs(person):
            await self._start(person, replace(step, what="both"))
        await self._give(person, _seconds(step))

    async def _fault(self, person: Person, step: Step) -> None:
        await self._give(person, _seconds(step), fault=step.what, size=step.size)
        await self.world.settle(person)
        await self._give(person, 1.0)

    async def _collect(self, person: Person, step: Step) -> None:
        for _ in range(3):
            await self._give(person, 10.0 + 10.0 * step.size)
            await self.world.settle(person)

    async def _flood(self, person: Person, step: Step) -> None:
        self._give_at_once(person, 40.0 + 60.0 * step.size)

    async def _lose(self, person: Person, step: Step) -> None:
        for source in _picked(person, step):
            source.go_away()
            source.offer([StreamLostError(f"stream {source.description!r} is gone")])
        self._pass(step.size * 4.0)
        await asyncio.sleep(0.02)
        for wire in person.wires.values():
            wire.step(step.size * 4.0)
        for source in person.sources.values():
            source.come_back()

    async def _swap(self, person: Person, step: Step) -> None:
        for source in _picked(person, step):
            wire = _wire_of(person, source)
            channels = wire.spec.channels
            if step.size < 0.5 and wire.spec.name == "injected EEG":
                other = replace(wire.spec, rate_hz=256.0 if wire.spec.rate_hz < 200.0 else 128.0)
            else:
                other = replace(wire.spec, channels=channels[1:] + channels[:1])
            wire.spec = other
            source.offer([StreamLostError("another device"), other])

    async def _end(self, person: Person, step: Step) -> None:
        for source in _picked(person, step):
            source.offer([EndOfStreamError("the recording is over")])

    async def _crash(self, person: Person, step: Step) -> None:
        for source in _picked(person, step):
            source.offer([RuntimeError("a driver that nobody has tested")])

    async def _freeze(self, person: Person, step: Step) -> None:
        seconds = step.size * 6.0
        for name, wire in person.wires.items():
            if step.what in (_NAMES[name], "both"):
                wire.step(seconds)
        self._pass(seconds)
        await asyncio.sleep(0.3 * (step.size > 0.8))  # a tick of the session, now and then

    async def _clock(self, person: Person, step: Step) -> None:
        by_s = (step.size - 0.5) * 20.0
        for name, wire in person.wires.items():
            if step.what in (_NAMES[name], "both"):
                wire.step(by_s)
        person.trouble(self.world.now_s + max(by_s, -by_s) + 10.0)
        await self._give(person, 1.0)

    async def _wall_clock(self, person: Person, step: Step) -> None:
        del person
        self.world.wall_step_s += (step.size - 0.5) * 7200.0

    async def _give(
        self, person: Person, seconds: float, *, fault: str = "", size: float = 1.0
    ) -> None:
        """Both streams side by side; each has the fault."""
        self.world.now_s += seconds
        if fault:
            person.trouble(self.world.now_s + 5.0)
        rows = {m: person.wires[m].signal(seconds, fault, size) for m in person.sources}
        while any(rows.values()):
            for modality, source in person.sources.items():
                given, rows[modality] = rows[modality][:SIDE_BY_SIDE], rows[modality][SIDE_BY_SIDE:]
                if not source.closed:
                    source.offer(list(given))
            await self.world.taken(person)

    def _give_at_once(self, person: Person, seconds: float) -> None:
        """As a sender does that was cut off for long."""
        self.world.now_s += seconds
        for modality, source in person.sources.items():
            if not source.closed:
                source.offer(list(person.wires[modality].signal(seconds)))

    def _pass(self, seconds: float) -> None:
        self.world.now_s += seconds
        for person in self.world.people:
            person.trouble(self.world.now_s + 5.0)

    # What clients ask for

    async def _marker(self, person: Person, step: Step) -> None:
        text = f"state={step.size}" if step.size < 0.7 else f"label={CLASSES[step.who % 2]}"
        await self._ask("POST", f"{person.path}/markers", {"text": text})

    async def _label(self, person: Person, step: Step) -> None:
        body = {"label": CLASSES[step.who % 2], "last_s": 1.0 + 9.0 * step.size}
        await self._ask("POST", f"{person.path}/labels", body)

    async def _record(self, person: Person, step: Step) -> None:
        verb = "" if step.size < 0.6 else "/stop"
        await self._ask("POST", f"{person.path}/recording{verb}")

    async def _look_around(self, person: Person, step: Step) -> None:
        del step
        for path in ("/healthz", "/readyz", "/metrics", "/api/v1/sessions", "/api/v1/history"):
            await self._ask("GET", path)
        await self._ask("GET", f"{person.path}/calibration")
        await self._ask("GET", f"/api/v1/participants/{person.participant}/profiles")

    async def _calibrate(self, person: Person, step: Step) -> None:
        plan = {"baseline_s": 0.0, "windows": 120, "most_s": 120.0 + 400.0 * step.size}
        await self._ask("POST", f"{person.path}/calibration", {"plan": plan})

    async def _finish(self, person: Person, step: Step) -> None:
        del step
        answer = await self._ask("POST", f"{person.path}/calibration/finish")
        if answer.is_success:
            await self._fitted(person)

    async def _fitted(self, person: Person) -> None:
        """Give the fit a while; whatever comes of it is right."""
        session = self.world.session(person)
        until_s = time.monotonic() + 20.0
        while (  # noqa: ASYNC110 - what is waited for has no event
            session is not None
            and session.learning is not None
            and session.learning.calibration_state == "fitting"
            and time.monotonic() < until_s
        ):
            await asyncio.sleep(0.05)

    async def _accept(self, person: Person, step: Step) -> None:
        del step
        await self._while_fed(person, self._ask("POST", f"{person.path}/calibration/accept"))

    async def _reject(self, person: Person, step: Step) -> None:
        del step
        await self._ask("POST", f"{person.path}/calibration/reject", {"reason": "a test"})

    async def _cancel(self, person: Person, step: Step) -> None:
        del step
        await self._ask("POST", f"{person.path}/calibration/cancel")

    async def _adapt(self, person: Person, step: Step) -> None:
        await self._ask("POST", f"{person.path}/adaptation", {"on": step.size < 0.6})

    async def _rollback(self, person: Person, step: Step) -> None:
        body: Frame = {"reason": "a test"} | ({"version": 0} if step.size < 0.3 else {})
        await self._while_fed(person, self._ask("POST", f"{person.path}/rollback", body))

    async def _while_fed(self, person: Person, asked: Awaitable[httpx.Response]) -> None:
        """A profile is exchanged between two steps: something has to come."""
        answer = asyncio.ensure_future(asked)
        while not answer.done():
            await self._give(person, 0.5)
            await asyncio.wait([answer], timeout=0.2)
        answer.result()

    async def _consent(self, person: Person, step: Step) -> None:
        del step
        body = {"notice": "notice/1", "recorded_by": "tester"}
        await self._ask("POST", "/api/v1/participants", {"id": person.participant})
        await self._ask("POST", f"/api/v1/participants/{person.participant}/consent", body)

    async def _withdraw(self, person: Person, step: Step) -> None:
        del step
        await self._ask("DELETE", f"/api/v1/participants/{person.participant}/consent")

    async def _erase(self, person: Person, step: Step) -> None:
        del step
        answer = await self._ask("DELETE", f"/api/v1/participants/{person.participant}")
        if answer.is_success:
            person.erased = True

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> httpx.Response:
        answer = await self.world.http.request(method, path, json=body)
        self.refused += answer.status_code >= 400
        return answer

    # Clients

    async def _connect(self, person: Person, step: Step) -> None:
        if len(self.clients) >= self.most_clients or self.world.session(person) is None:
            return
        after = "&after_seq=0" if step.size < 0.5 else ""
        at = f"{self.world.url.replace('http', 'ws')}{person.path}/ws?policy={step.what}{after}"
        self.clients.append(Client(await connect(at), person))

    async def _leave(self, person: Person, step: Step) -> None:
        del person
        if self.clients:
            client = self.clients.pop(step.who % len(self.clients))
            await client.leave()

    async def _deaf(self, person: Person, step: Step) -> None:
        del step
        if len(self.deaf) < 2 and self.world.session(person) is not None:
            path = f"sessions/{person.session_id}/ws"
            self.deaf.append(await deaf_socket(self.world.url, path))

    async def _rude(self, person: Person, step: Step) -> None:
        """Says a lot that nobody asked for, and is not heard to the end."""
        if self.world.session(person) is None:
            return
        at = f"{self.world.url.replace('http', 'ws')}{person.path}/ws"
        async with connect(at) as ws:
            try:
                for _ in range(150):
                    await ws.send(b"\xff" * 100 if step.size < 0.5 else "{" * 1000)
                await ws.wait_closed()
            except ConnectionClosed:
                return

    # The disk and processes

    async def _lock(self, person: Person, step: Step) -> None:
        """Another program holds the database for a moment, while the person goes on."""
        held, let_go = threading.Event(), threading.Event()

        def hold() -> None:
            path = self.world.folder / FILE_NAME
            with closing(sqlite3.connect(path, timeout=20.0)) as database:
                database.execute("BEGIN IMMEDIATE")
                held.set()
                let_go.wait(20.0)
                database.rollback()

        thread = threading.Thread(target=hold, name="another program")
        thread.start()
        await asyncio.to_thread(held.wait, 20.0)
        await self._give(person, 3.0)
        await asyncio.sleep(0.3 * step.size)
        let_go.set()
        await asyncio.to_thread(thread.join)

    async def _slow_disk(self, person: Person, step: Step) -> None:
        """Every commit takes a while."""
        self.world.commit_s = 0.1 * step.size
        await self._give(person, 5.0)
        await self.world.settle(person)
        self.world.commit_s = 0.0

    async def _kill_learner(self, person: Person, step: Step) -> None:
        del person, step
        for child in learners():
            with suppress(ProcessLookupError):  # one that has just ended by itself
                os.kill(child.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


_METHODS = {"ask": "look_around"}
_NAMES = {modality: name for name, modality in MODALITIES.items()}


def _seconds(step: Step) -> float:
    return 0.3 + 5.0 * step.size


def _picked(person: Person, step: Step) -> list[InjectedSource]:
    return [
        source
        for modality, source in person.sources.items()
        if step.what in (_NAMES[modality], "both") and not source.closed
    ]


def _wire_of(person: Person, source: InjectedSource) -> Wire:
    return next(person.wires[m] for m, each in person.sources.items() if each is source)
