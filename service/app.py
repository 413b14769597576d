"""The ASGI application: routes around one service, which lives as long as the application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI

from hadua.models.bundle import Bundle
from hadua.models.runtime import Runtime
from hadua.service import (
    asyncapi,
    health,
    mapping_routes,
    openapi,
    participant_routes,
    predict_routes,
    problems,
    routes,
    stream_routes,
    websocket,
)
from hadua.service.body_limit import BodyLimit
from hadua.service.config import Settings
from hadua.service.dashboard import page
from hadua.service.engine import EngineFactory, Tap
from hadua.service.hub import Hub
from hadua.service.mapping_book import MappingBook
from hadua.service.metrics import Metrics
from hadua.service.service import Service, SourceParser, SourcesFactory, StreamLister
from hadua.service.session import Session
from hadua.service.sessions import Sessions
from hadua.service.stateless import Predictor
from hadua.service.storage.storage import Storage

GOODBYE_S = 1.0

Started = Callable[[Session | None], None]
ServiceFactory = Callable[[], Service]


def create_app(make_service: ServiceFactory, *, started: Started = lambda _: None) -> FastAPI:
    """The application.

    Args:
        make_service: Called on the event loop when the application starts.
        started: Called once the session of the command line runs or has failed; with None
            where none was asked for.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = make_service()
        app.state.service = service
        try:
            async with service.sessions, asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(_start_first(service, started))
                yield
                watch.cancel()
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
    problems.install(app)
    parts = (
        health, stream_routes, routes, mapping_routes, participant_routes, predict_routes,
        websocket, asyncapi,
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router)
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
) -> Service:
    """A service from its parts; call it on the event loop."""
    hub, metrics = Hub(), Metrics()
    sessions = Sessions(
        settings,
        make_engine=make_engine,
        hub=hub,
        metrics=metrics,
        storage=storage,
        clock=clock,
        unix_clock=unix_clock,
        tap=tap,
        bundle=bundle.id,
        mappings=mappings,
    )
    return Service(
        settings=settings,
        bundle=bundle,
        sessions=sessions,
        hub=hub,
        metrics=metrics,
        storage=storage,
        predictor=Predictor(bundle, load=load_runtime),
        parse_source=parse_source,
        list_streams=list_streams,
        clock=clock,
        unix_clock=unix_clock,
        startup=startup,
        cut=cut,
    )
