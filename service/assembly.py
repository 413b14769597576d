"""The real service: its parts chosen by the settings."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import structlog

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.registry import list_streams
from hadua.adapters.sources.source import Source
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle
from hadua.models.device_choice import chosen
from hadua.models.errors import UsageError
from hadua.models.features import Modality
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.app import build_service
from hadua.service.cluster.booth import Booth, PoolAsked
from hadua.service.config import Settings
from hadua.service.engine import EngineFactory, Tap
from hadua.service.folder_lock import sole_writer
from hadua.service.mapping_book import MappingBook
from hadua.service.meant import DEMO_BASELINE_S, engine_factory, screen_of
from hadua.service.person_data import PROFILES
from hadua.service.service import Service, SourceParser
from hadua.service.serving import Personal
from hadua.service.shared_runtime import SharedRuntime
from hadua.service.sources import live_source
from hadua.service.storage.database import make_folder
from hadua.service.storage.storage import Storage

if TYPE_CHECKING:
    from hadua.service.cluster.fitters import Fitter
    from hadua.service.cluster.replicas import Replicas

_log = structlog.get_logger("hadua.storage")
_inference = structlog.get_logger("hadua.inference")

# Rest first, then states that change. The baseline counts from the first window, so that it ends a
# second after its length: the rest is a little longer.
DEMO_SOURCE = f"sim:schedule=demo*{DEMO_BASELINE_S + 2.0:g}"
_ONE_SERVICE = (
    "Use the one that runs (open its address), end it with Ctrl-C in its window, or give this one "
    "a folder of its own: --data-dir."
)


def require_runtime(settings: Settings, bundle: Bundle) -> None:
    """Load the model once and let go of it, so that a fault does not wait for a stream to show.

    Raises:
        RuntimeUnavailableError: the runtime or the device is not there.
        BundleError: the runtime refuses the bundle.
    """
    load_runtime(bundle, name=settings.runtime, device=settings.device).close()
    choice = chosen(bundle, settings.runtime) if settings.device == "auto" else None
    if choice is not None:
        _inference.info("device chosen", device=choice.device, why=choice.reason)


def startup_sources(settings: Settings) -> Mapping[Modality, Source]:
    """The sources of the session that the command line asks for; none is opened.

    Raises:
        UsageError: a SOURCE text that cannot be.
    """
    eeg, gaze = (DEMO_SOURCE, DEMO_SOURCE) if settings.demo else (settings.eeg, settings.gaze)
    texts = {Modality.EEG: eeg, Modality.EYE: gaze}
    parse = source_parser(settings)
    return {m: parse(text, modality=m) for m, text in texts.items() if text is not None}


def source_parser(settings: Settings) -> SourceParser:
    """Turns SOURCE texts into sources, with what the settings say about the devices."""
    lags_ms = {Modality.EEG: settings.eeg_lag_ms, Modality.EYE: settings.gaze_lag_ms}

    def parse(text: str, *, modality: Modality) -> Source:
        return live_source(text, modality=modality, lag_ms=lags_ms[modality])

    return parse


@contextmanager
def settled(settings: Settings) -> Iterator[Settings]:
    """The settings with a data folder: a demo that was not told where has one for as long."""
    if not keeps(settings):
        with TemporaryDirectory(prefix="hadua-demo-") as folder:
            yield settings.model_copy(update={"data_dir": Path(folder)})
    else:
        yield settings


@contextmanager
def open_storage(settings: Settings, *, url: str = "") -> Iterator[Storage]:
    """What is kept. The data folder is this service's alone until the block ends.

    Args:
        settings: With the data folder.
        url: Where this service can be found, for a second one that is refused.

    Raises:
        UsageError: another service runs on the data folder.
        StorageError: the database cannot be opened.
        ConsentMissingError: the participant of the settings has none on record.
    """
    make_folder(settings.data_dir)
    with sole_writer(settings.data_dir, doing="serving", says=url, hint=_ONE_SERVICE):
        storage = Storage.open(settings.data_dir, url=settings.database, unix_clock=time.time)
        try:
            for left in storage.recover():
                _log.warning(
                    "a session ended without a word", session=left.id, last_seq=left.last_seq
                )
            if settings.participant is not None:
                storage.admit(settings.participant, consent=settings.require_consent)
            yield storage
        finally:
            storage.close()


def keeps(settings: Settings) -> bool:
    """Whether anything is kept: a demo that was not told where keeps nothing."""
    return not settings.demo or "data_dir" in settings.model_fields_set


def open_mapping_book(settings: Settings) -> MappingBook:
    """The confirmed mappings of devices."""
    path = settings.data_dir / "mappings.json" if keeps(settings) else None
    return MappingBook(path, unix_clock=time.time)


def assemble(
    settings: Settings,
    *,
    bundle: Bundle,
    startup: Mapping[Modality, Source],
    storage: Storage,
    cut: Callable[[tuple[str, int]], None],
    tap: Tap | None = None,
    replicas: "Replicas | None" = None,
) -> Service:
    """The service; call it on the event loop. `tap` sees every chunk that a pipeline consumes."""

    def load() -> Runtime:
        return load_runtime(bundle, name=settings.runtime, device=settings.device)

    shared = SharedRuntime(load) if settings.runtime == "onnx" else load
    booth = booth_of(settings, bundle, shared)
    in_sessions = shared if booth is None else booth.runtime

    def at(phase_s: float) -> EngineFactory:
        return engine_factory(settings, bundle, in_sessions, phase_s=phase_s)

    return build_service(
        settings,
        bundle=bundle,
        make_engine=at(0.0),
        staggered=None if settings.windows_in_step else at,
        load_runtime=load if replicas is None else lambda: replicas,
        parse_source=source_parser(settings),
        list_streams=list_streams,
        storage=storage,
        clock=lsl_now_s,
        unix_clock=time.time,
        startup=(lambda: startup) if startup else None,
        cut=cut,
        tap=tap,
        mappings=open_mapping_book(settings),
        screen=screen_of(settings),
        personal=personal_profiles(settings, bundle),
        booth=booth,
        replicas=0 if replicas is None else replicas.count,
        fitter=None if replicas is None or not settings.pool_fits else _on_nodes(bundle),
    )


def _on_nodes(bundle: Bundle) -> "Fitter":
    from hadua.service.cluster.ray_fits import OnNodes  # with Ray, which the replicas have loaded

    return OnNodes(bundle)


def booth_of(settings: Settings, bundle: Bundle, load: Callable[[], Runtime]) -> Booth | None:
    """This service's side of the pool that the settings name, if they do.

    Raises:
        UsageError: an address that cannot be.
    """
    _require_fits_elsewhere(settings)
    if settings.cluster is None:
        return None
    asked = PoolAsked(
        settings.cluster,
        settings.cluster_budget_ms / 1e3,
        settings.cluster_token,
        settings.booth or "",
    )
    return Booth(bundle, asked, load=load)


def _require_fits_elsewhere(settings: Settings) -> None:
    if settings.cluster_calibration and settings.cluster is None:
        raise UsageError("cluster_calibration", got="no --cluster", expected="a pool that fits")
    if settings.cluster_calibration and settings.source_windows is not None:
        raise UsageError(
            "cluster_calibration with source_windows",
            expected="one of them: a pool does not have a booth's source windows",
        )


def replicas_of(settings: Settings, bundle: Bundle) -> "Replicas | None":
    """The replicas of a pool, started, if the settings say that this is one.

    Raises:
        UsageError: a pool that asks another pool.
        RuntimeUnavailableError, ClusterError: no Ray, no cluster, or no room on it.
    """
    if settings.pool_ray is None:
        return None
    if settings.cluster is not None:
        raise UsageError("pool_ray with --cluster", expected="a pool, or a booth that asks one")
    from hadua.service.cluster.replicas import Replicas  # with Ray, which a booth does without

    return Replicas(
        bundle,
        address=settings.pool_ray,
        count=settings.pool_replicas,
        device=settings.device,
        gpus=settings.pool_gpus,
    )


def personal_profiles(settings: Settings, bundle: Bundle) -> Personal:
    """The profiles in the data folder; what a kill has left half-written there goes."""
    profiles = ProfileStore(settings.data_dir / PROFILES)
    for left in profiles.recover():
        _log.warning("half-written profile removed", path=left)
    return Personal(profiles, bundle, name=settings.runtime, device=settings.device)
