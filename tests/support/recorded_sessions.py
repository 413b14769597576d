"""Sessions on real code, recorded for tests."""

import asyncio
import time
from pathlib import Path

from support.bundles import make_bundle
from support.keeping import Forgetful
from support.pipelines import CHANNELS, Chunks, made, recorded
from support.recordings import only_file
from support.service import FakeSource, settings_for_tests

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.simulator import Simulation
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.runtime import load_runtime
from hadua.service.config import Settings
from hadua.service.hub import Hub
from hadua.service.meant import engine_factory
from hadua.service.metrics import Metrics
from hadua.service.recordings import Recordings
from hadua.service.session import Session
from hadua.service.sessions import Sessions

WINDOWS = 10


def record_person(folder: Path, *, seconds: float) -> Path:
    """Record a simulated person, as the demo model takes them; the file."""
    bundle = load_bundle(demo_bundle_path())
    settings = settings_for_tests(
        record=folder, min_free_mb=0.0, record_buffer_mb=1000.0, bridge_s=3600.0
    )
    chunks = made(Simulation(person=3, seed=5), seconds=seconds)
    asyncio.run(_recorded(settings, bundle, chunks))
    return only_file(folder)


def record_session(folder: Path, *, faults: str) -> Path:
    """Record a session on real code, with a baseline that ends in the middle; its file."""
    bundle = load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=4))
    settings = settings_for_tests(
        record=folder / "lab",
        data_dir=folder / "data",
        min_free_mb=0.0,
        bridge_s=60.0,
        baseline_s=3.0,
        bundle=bundle.path,
    )
    session = asyncio.run(_recorded(settings, bundle, recorded(faults)))
    # Both streams come as fast as they can: how far one runs ahead differs.
    assert session.publisher.predictions >= WINDOWS, session.status()
    return only_file(folder / "lab")


async def _recorded(settings: Settings, bundle: Bundle, chunks: Chunks) -> Session:
    metrics = Metrics()
    async with Sessions(
        settings,
        make_engine=engine_factory(settings, bundle, lambda: load_runtime(bundle)),
        hub=Hub(),
        metrics=metrics,
        storage=Forgetful(),
        clock=lsl_now_s,
        unix_clock=time.time,
        recordings=Recordings(
            settings,
            classes=bundle.classes,
            metrics=metrics,
            clock=lsl_now_s,
            unix_clock=time.time,
        ),
    ) as registry:
        sources = {m: FakeSource(c, spec=c[0].spec) for m, c in chunks.items()}
        session = registry.start(sources)
        await session.over.wait()
        assert session.error is None, session.error
        return session
