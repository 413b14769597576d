"""What the routes share: the settings, the bundle, the sessions and the clients."""

import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import ClassVar, Protocol, TypeVar

from starlette.requests import HTTPConnection

from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import Source
from hadua.models.bundle import Bundle
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.access.gate import Gate
from hadua.service.cluster.booth import Booth
from hadua.service.cluster.fits import Fits
from hadua.service.cluster.fleet import Fleet
from hadua.service.config import Settings
from hadua.service.hub import Hub
from hadua.service.metrics import Metrics
from hadua.service.person_data import PersonData
from hadua.service.preflight import Preflight
from hadua.service.recorded_files import RecordedFiles
from hadua.service.remembered import RememberedAnswers
from hadua.service.session import Session
from hadua.service.sessions import Sessions
from hadua.service.stateless import Predictor
from hadua.service.storage.storage import Storage
from hadua.service.wire import BundleInfo, FeatureInfo
from hadua.service.workers import DaemonExecutor

KEPT_WITHIN_S = 2.0  # whoever waits for the database is told by then that it is slow
POLL_S = 0.1  # how soon a request that waits for a thread notices that the service stops

T = TypeVar("T")


class ServiceStoppingError(HaduaError):
    """The service leaves before it has an answer."""

    code: ClassVar[str] = "service-stopping"


class SourceParser(Protocol):
    """Turns SOURCE texts into sources."""

    def __call__(self, text: str, *, modality: Modality) -> Source:
        """The source that `text` describes, not opened yet."""
        ...


StreamLister = Callable[[float], Sequence[StreamSummary]]
SourcesFactory = Callable[[], Mapping[Modality, Source]]


@dataclass(slots=True, kw_only=True)
class Service:
    """Everything that one running service consists of.

    Args:
        settings: As it was started.
        bundle: The model that its sessions run.
        sessions: All sessions.
        hub: All clients.
        metrics: All figures.
        storage: What is kept; closed with the service.
        gate: Who may ask.
        people: Everything that is kept of participants.
        recordings: Those on the disk.
        preflight: Looks at all that a session needs.
        predictor: Answers `POST predict`.
        parse_source: Turns SOURCE texts into sources.
        list_streams: Streams on the network, within the seconds given; blocks.
        clock: LSL seconds now.
        unix_clock: Unix seconds now.
        startup: Makes the sources of the session that the command line asked for, or None.
        cut: Cuts the connection of a client, by address and port, without a word.
        fleet: Booths that announced themselves here.
        replicas: How many parts answer for them; 0: this process does.
        fits: Calibrations that booths send.
        booth: This service's own side of a pool, if it asks one.
    """

    settings: Settings
    bundle: Bundle
    sessions: Sessions
    hub: Hub
    metrics: Metrics
    storage: Storage
    gate: Gate
    people: PersonData
    recordings: RecordedFiles
    preflight: Preflight
    predictor: Predictor
    fits: Fits
    parse_source: SourceParser
    list_streams: StreamLister
    clock: Callable[[], float]
    unix_clock: Callable[[], float]
    startup: SourcesFactory | None = None
    cut: Callable[[tuple[str, int]], None] = lambda _: None
    version: str = field(default_factory=lambda: version("hadua"))
    remembered: RememberedAnswers = field(default_factory=RememberedAnswers)
    replicas: int = 0
    booth: Booth | None = None
    fleet: Fleet = field(default_factory=lambda: Fleet(clock=time.monotonic))
    pool: DaemonExecutor = field(default_factory=lambda: DaemonExecutor("request", threads=2))

    @property
    def bundle_info(self) -> BundleInfo:
        """What clients are told of the bundle."""
        return describe_bundle(self.bundle)

    async def admit(self, participant: str | None) -> None:
        """See that a session of that participant may begin.

        Raises:
            ConsentMissingError: no consent is on record, and the settings want one.
        """
        if participant is not None:
            consent = self.settings.require_consent
            admit = functools.partial(self.storage.admit, participant, consent=consent)
            await self.blocking(self.pool, admit)

    async def blocking(self, executor: DaemonExecutor, call: Callable[[], T]) -> T:
        """The result of a call that blocks, made in a thread.

        Raises:
            ServiceStoppingError: the service stops before the call is done.
        """
        answer = asyncio.get_running_loop().run_in_executor(executor, call)
        while not (await asyncio.wait((answer,), timeout=POLL_S))[0]:
            if self.hub.closed:
                answer.cancel()
                raise ServiceStoppingError("the service stops", hint="Ask again once it is back.")
        return answer.result()

    async def kept(self, session: Session) -> bool:
        """Wait until all that a session said is in the database; False if that takes too long.

        Raises:
            StorageError: it cannot be written.
        """
        committed = asyncio.wrap_future(self.storage.committed((session.id, session.epoch)))
        await asyncio.wait((committed,), timeout=KEPT_WITHIN_S)
        if committed.done():
            committed.result()
        return committed.done()

    def close(self) -> None:
        """Let go of what is left after the sessions have ended."""
        if self.booth is not None:
            self.booth.close()
        self.predictor.close()
        self.preflight.close()
        self.pool.shutdown()
        self.storage.close()


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request was made to."""
    service = connection.app.state.service
    if not isinstance(service, Service):
        raise TypeError(f"app.state.service: got {service!r}, expected a Service")
    return service


def describe_bundle(bundle: Bundle) -> BundleInfo:
    """A bundle in the words of the contract."""
    manifest = bundle.manifest
    return BundleInfo(
        id=bundle.id,
        name=manifest.name,
        version=str(manifest.version),
        demo=manifest.demo,
        notice=manifest.notice,
        classes=tuple(bundle.classes),
        context=manifest.context,
        features={
            str(m): FeatureInfo(
                definition=spec.definition,
                version=spec.version,
                n_features=len(spec.names),
                window_s=spec.window_s,
                hop_s=spec.hop_s,
                cleaning=str(spec.cleaning or ""),
            )
            for m, spec in bundle.specs.items()
        },
    )
