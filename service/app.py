"""The ASGI application: routes around one service, which lives as long as the application."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from hadua.adapters.devices.screen import Screen
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle
from hadua.models.runtime import Runtime
from hadua.service import (
    access_routes,
    asyncapi,
    fit_routes,
    fleet_routes,
    health,
    inference_routes,
    mapping_routes,
    marker_routes,
    openapi,
    participant_routes,
    predict_routes,
    preflight_routes,
    problems,
    recording_routes,
    routes,
    settings_routes,
    stream_routes,
    websocket,
)
from hadua.service.access.gate import Gate
from hadua.service.access.headers import SecurityHeaders
from hadua.service.access.places import Places, is_loopback
from hadua.service.access.stored import StoredTokens
from hadua.service.body_limit import BodyLimit
from hadua.service.booth_word import own_word
from hadua.service.chores import done_again
from hadua.service.cluster.booth import Booth
from hadua.service.cluster.fits import Fits
from hadua.service.cluster.fitters import Fitter, OwnProcess
from hadua.service.config import Settings
from hadua.service.dashboard import page
from hadua.service.doctor.machine import Machine
from hadua.service.doctor.machine_network import MachineNetwork
from hadua.service.doctor.surroundings import Surroundings
from hadua.service.engine import EngineFactory, Tap
from hadua.service.fleet_keeping import keep_fleet
from hadua.service.hub import Hub
from hadua.service.learning import routes as learning_routes
from hadua.service.learning.learners import Learners
from hadua.service.learning.tools import Tools
from hadua.service.left_open import close_left_open
from hadua.service.loop_lag import observe_lag
from hadua.service.mapping_book import MappingBook
from hadua.service.metrics import Metrics
from hadua.service.person_data import PROFILES, PersonData
from hadua.service.phases import Staggered
from hadua.service.preflight import Preflight
from hadua.service.recorded_files import RecordedFiles
from hadua.service.recordings import Recordings
from hadua.service.retention import keep_tidy
from hadua.service.service import Service, SourceParser, SourcesFactory, StreamLister
from hadua.service.serving import Personal, as_shipped
from hadua.service.session import Session
from hadua.service.session_lsl import LslSide
from hadua.service.sessions import Sessions
from hadua.service.stateless import Predictor
from hadua.service.storage.storage import Storage
from hadua.service.withdrawn import stop_withdrawn
from hadua.service.workers import DaemonExecutor

GOODBYE_S = 1.0
_PARTS = (
    *(health, stream_routes, preflight_routes, routes, mapping_routes, participant_routes),
    *(access_routes, recording_routes, marker_routes, predict_routes, settings_routes),
    *(inference_routes, fleet_routes, fit_routes),
    *(learning_routes, websocket, asyncapi),
)

Started = Callable[[Session | None], None]
ServiceFactory = Callable[[], Service]


def create_app(
    make_service: ServiceFactory,
    *,
    origins: Sequence[str] = (),
    started: Started = lambda _: None,
) -> FastAPI:
    """The application.

    Args:
        make_service: Called on the event loop when the application starts.
        origins: Pages elsewhere that may read answers (CORS); none by default.
        started: Called once the session of the command line runs or has failed; with None
            where none was asked for.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = make_service()
        app.state.service = service
        if service.booth is not None:
            service.booth.start(functools.partial(own_word, service), service.metrics)
        try:
            async with service.sessions, asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(_start_first(service, started))
                observe = service.metrics.loop_lag_s.observe
                tidying = tasks.create_task(done_again(lambda: keep_tidy(service)))
                left = tasks.create_task(done_again(lambda: close_left_open(service)))
                withdrawn = tasks.create_task(done_again(lambda: stop_withdrawn(service)))
                lag = tasks.create_task(done_again(lambda: observe_lag(observe)))
                fits = tasks.create_task(done_again(service.fits.run))
                fleet = tasks.create_task(done_again(lambda: keep_fleet(service)))
                yield
                for task in (watch, tidying, left, withdrawn, lag, fits, fleet):
                    task.cancel()
        finally:
            service.close()

    app = FastAPI(
        title="HADUA",
        description="Emotion predictions from EEG and eye tracking, live.",
        version=version("hadua"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"]
        )
    problems.install(app)
    for part in _PARTS:
        app.include_router(part.router)
    app.include_router(inference_routes.health)
    openapi.install(app)
    page.install(app)
    return app


async def drain(service: Service) -> None:
    """Stop the sessions, then say goodbye to the clients and wait a little for them to go."""
    await service.sessions.stop_all()
    service.hub.close("the service stops")
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            await service.hub.empty.wait()


async def _start_first(service: Service, started: Started) -> None:
    """Start the session of the command line and tell how that went."""
    if service.startup is None:
        started(None)
        return
    settings = service.settings
    session = service.sessions.start(
        service.startup(),
        session_id="demo" if settings.demo else None,
        participant=settings.participant,
    )
    await session.running.wait()
    started(session)


def build_service(
    settings: Settings,
    *,
    bundle: Bundle,
    make_engine: EngineFactory,
    staggered: Staggered | None = None,
    load_runtime: Callable[[], Runtime],
    parse_source: SourceParser,
    list_streams: StreamLister,
    storage: Storage,
    clock: Callable[[], float],
    unix_clock: Callable[[], float],
    startup: SourcesFactory | None = None,
    cut: Callable[[tuple[str, int]], None] = lambda _: None,
    tap: Tap | None = None,
    mappings: MappingBook | None = None,
    personal: Personal | None = None,
    here: Surroundings | None = None,
    screen: Screen | None = None,
    booth: Booth | None = None,
    replicas: int = 0,
    fitter: Fitter | None = None,
) -> Service:
    """A service from its parts; call it on the event loop."""
    hub, metrics, pool = Hub(), Metrics(), DaemonExecutor("request", threads=2)
    metrics.frames_unkept.set_function(lambda: storage.writer.lost)
    recordings = Recordings(
        settings, classes=bundle.classes, metrics=metrics, clock=clock, unix_clock=unix_clock
    )
    learners = (
        None
        if personal is None
        else Learners(
            Tools.of(
                settings,
                bundle=bundle,
                personal=personal,
                audit=storage.acted,
                figures=metrics.learning,
                clock=clock,
                unix_clock=unix_clock,
                elsewhere=booth.fits() if booth and settings.cluster_calibration else None,
            )
        )
    )
    sessions = Sessions(
        settings,
        make_engine=make_engine,
        staggered=staggered,
        hub=hub,
        metrics=metrics,
        storage=storage,
        clock=clock,
        unix_clock=unix_clock,
        tap=tap,
        bundle=bundle.id,
        mappings=mappings,
        personal=personal or as_shipped,
        learners=learners,
        recordings=recordings,
        hop_s=bundle.hop_s,
        outlets=LslSide(settings, bundle=bundle, metrics=metrics).outlet,
    )
    return Service(
        settings=settings,
        bundle=bundle,
        sessions=sessions,
        hub=hub,
        metrics=metrics,
        storage=storage,
        gate=_gate(settings, storage, pool, clock),
        people=_people(settings, storage, recordings.files),
        recordings=recordings.files,
        pool=pool,
        preflight=Preflight(
            settings,
            here or Surroundings(Machine(), MachineNetwork()),
            book=sessions.mappings,
            screen=screen or Screen(),
            clock=clock,
        ),
        predictor=Predictor(bundle, load=load_runtime, threads=max(1, replicas)),
        fits=Fits(
            fitter or OwnProcess(bundle),
            bundle_digest=bundle.digest,
            at_once=settings.pool_fits,
            clock=time.monotonic,
        ),
        parse_source=parse_source,
        list_streams=list_streams,
        clock=clock,
        unix_clock=unix_clock,
        startup=startup,
        cut=cut,
        replicas=replicas,
        booth=booth,
    )


def wants_tokens(settings: Settings) -> bool:
    """Whether whoever asks must have a token: anywhere but on the loopback."""
    return settings.require_token or not is_loopback(settings.host)


def _gate(
    settings: Settings, storage: Storage, pool: DaemonExecutor, clock: Callable[[], float]
) -> Gate:
    loop = asyncio.get_running_loop()
    tokens = StoredTokens(lambda: loop.run_in_executor(pool, storage.tokens), clock=clock)
    places = Places(settings.host, names=settings.allowed_hosts, origins=settings.allowed_origins)
    return Gate(
        places,
        tokens if wants_tokens(settings) else None,
        clock=clock,
        requests_per_s=settings.requests_per_s,
    )


def _people(settings: Settings, storage: Storage, recorded: RecordedFiles) -> PersonData:
    folder = settings.data_dir
    return PersonData(
        storage,
        ProfileStore(folder / PROFILES),
        recordings=recorded,
        scratch=folder / "exports",
    )
