"""A service with everything real but its sources and its clock, and people whom things happen to.

Time is the world's own: feeding a stream so many seconds moves it by as much, at once.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog
from sqlalchemy import event
from support.contract import Documented
from support.doctor import FakeHost, FakeNetwork
from support.faults_bundle import faults_bundle
from support.injected import SPECS, InjectedSource, Wire

from hadua.adapters.sources.source import Marker
from hadua.calibration.store import ProfileStore
from hadua.models.features import Modality
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.app import build_service, create_app, drain
from hadua.service.bridge import Marked
from hadua.service.config import Settings
from hadua.service.doctor.surroundings import Surroundings
from hadua.service.listener import listen, url_of
from hadua.service.mapping_book import MappingBook
from hadua.service.meant import engine_factory
from hadua.service.person_data import PROFILES
from hadua.service.server import Server
from hadua.service.service import Service
from hadua.service.serving import Personal
from hadua.service.session import Session
from hadua.service.storage.database import FILE_NAME
from hadua.service.storage.storage import Storage

SETTLE_TIMEOUT_S = 60.0  # of a machine that has other things to do
START_UNIX = 1_700_000_000.0
MODALITIES = {"eeg": Modality.EEG, "gaze": Modality.EYE}

structlog.configure(  # as the service does: tracebacks without everybody's variables, in no time
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
)


@dataclass
class Person:
    """One session of one participant, from outside.

    Args:
        session_id: The session, whichever life.
        participant: Who.
        wires: What makes their signal.
        sources: What the service reads now; empty before the first start.
    """

    session_id: str
    participant: str
    wires: dict[Modality, Wire] = field(default_factory=dict)
    sources: dict[Modality, InjectedSource] = field(default_factory=dict)
    epoch: int = 0
    began_s: float = 0.0
    healthy_from_s: float = 0.0
    erased: bool = False

    def begin(self, epoch: int, now_s: float) -> None:
        """Another life of the session."""
        self.epoch, self.began_s, self.erased = epoch, now_s, False
        self.trouble(now_s + 5.0)

    def trouble(self, until_s: float) -> None:
        """Something happens that may keep windows from coming until then."""
        self.healthy_from_s = max(self.healthy_from_s, until_s)

    @property
    def path(self) -> str:
        """Where REST has the session."""
        return f"/api/v1/sessions/{self.session_id}"


class World:
    """One data folder, the service on it, and the people before it.

    Args:
        folder: For everything that is kept.
        people: How many.
    """

    def __init__(self, folder: Path, *, people: int = 3) -> None:
        self.folder = folder
        self.now_s = 1000.0
        self.wall_step_s = 0.0
        self.people = [Person(f"s-{k}", f"P{k}") for k in range(people)]
        self.bundle = faults_bundle()
        self.settings = Settings.model_validate(
            {
                "data_dir": folder, "require_consent": False, "wait_s": 2.0, "stale_s": 1.5,
                "bridge_s": 30.0, "send_timeout_s": 0.2, "max_sessions": people + 1,
                "journal_frames": 400, "requests_per_s": 1e6, "min_free_mb": 0.0,
                "status_interval_s": 5.0, "max_clients": 256, "outlet": False,
            }
        )  # fmt: skip
        self.lives = 0
        self.commit_s = 0.0
        """How long the disk takes for each commit beside what it takes."""
        self._stack = AsyncExitStack()
        self._up: tuple[Service, httpx.AsyncClient, str] | None = None

    @property
    def service(self) -> Service:
        """The one that runs."""
        assert self._up is not None
        return self._up[0]

    @property
    def http(self) -> httpx.AsyncClient:
        """A client of it, which knows every answer that is documented."""
        assert self._up is not None
        return self._up[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._up is not None
        return self._up[2]

    async def start(self) -> None:
        """Start a service on what is in the folder."""
        self.lives += 1
        self._stack = AsyncExitStack()
        self._up = await self._stack.enter_async_context(self._serving())

    async def stop(self) -> None:
        """Let it leave, politely."""
        await self._stack.aclose()
        self._up = None

    def session(self, person: Person) -> Session | None:
        """The session of a person that runs, or the last that did."""
        return self.service.sessions.find(person.session_id)

    def runs(self, person: Person) -> bool:
        """Whether it has not ended."""
        session = self.session(person)
        return session is not None and not session.over.is_set()

    def source(self, text: str, *, modality: Modality) -> InjectedSource:
        """A new one for each session: SOURCE is the number of the person."""
        person = self.people[int(text)]
        wire = person.wires.setdefault(modality, Wire(SPECS[modality], modality, self.now_s))
        made = InjectedSource(text, wire.spec)
        person.sources[modality] = made
        return made

    async def taken(self, person: Person) -> None:
        """Wait until the readers have what was offered, if they still read."""
        session = self.session(person)
        if session is not None:
            sources = person.sources.values()
            await _until(lambda: session.over.is_set() or all(s.idle for s in sources))

    async def settle(self, person: Person) -> None:
        """Wait until everything that a person's streams gave was answered."""
        session = self.session(person)
        if session is None:
            return
        await self.taken(person)
        if not session.running.is_set() or session.over.is_set():
            return
        said = asyncio.Event()

        def heard(frame: object, text: str, now_s: float) -> None:
            if barrier in text:
                said.set()

        barrier = f"settled {time.monotonic_ns()}"
        session.publisher.listen(heard)
        session._bridge.put(Marked((Marker(self.now_s, barrier),)))
        await _until(lambda: said.is_set() or session.over.is_set())
        session.publisher.unlisten(heard)

    def rows(self, query: str, *arguments: object) -> list[tuple[object, ...]]:
        """What anybody beside the service can read in its database."""
        path = self.folder / FILE_NAME
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)) as database:
            return list(database.execute(query, arguments))

    def profiles(self) -> ProfileStore:
        """What is on the disk."""
        return ProfileStore(self.folder / PROFILES)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[tuple[Service, httpx.AsyncClient, str]]:
        storage = Storage.open(self.folder, unix_clock=self._unix_s)
        storage.recover()
        event.listen(storage.database._engine, "commit", lambda _: time.sleep(self.commit_s))
        started = asyncio.Event()
        app = create_app(lambda: self._service(storage), started=lambda _: started.set())
        server = Server(app, drain=lambda: drain(app.state.service))
        with listen("127.0.0.1", 0) as listener:
            hooks: dict[str, list[Callable[[httpx.Response], Awaitable[None]]]] = {
                "response": [Documented(app.openapi()), _no_fault]
            }
            url = url_of(listener)
            async with (
                asyncio.TaskGroup() as tasks,
                httpx.AsyncClient(base_url=url, event_hooks=hooks, timeout=60.0) as http,
            ):
                serving = tasks.create_task(server.serve(sockets=[listener]), name="serving")
                await started.wait()
                try:
                    yield app.state.service, http, url
                finally:
                    server.request_exit()
                    await serving

    def _service(self, storage: Storage) -> Service:
        settings, bundle = self.settings, self.bundle
        profiles = self.profiles()
        profiles.recover()

        def load() -> Runtime:
            return load_runtime(bundle)

        return build_service(
            settings,
            bundle=bundle,
            make_engine=engine_factory(settings, bundle, load),
            load_runtime=load,
            parse_source=self.source,
            list_streams=lambda _: [],
            storage=storage,
            clock=lambda: self.now_s,
            unix_clock=self._unix_s,
            mappings=MappingBook(None, unix_clock=self._unix_s),
            personal=Personal(profiles, bundle, name="onnx", device="cpu"),
            here=Surroundings(FakeHost(), FakeNetwork()),
        )

    def _unix_s(self) -> float:
        return START_UNIX + self.now_s + self.wall_step_s


async def _no_fault(response: httpx.Response) -> None:
    """No answer is ever an internal error."""
    assert response.status_code != 500, await response.aread()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SETTLE_TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)
