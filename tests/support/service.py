"""Fakes that meet the service's protocols, and a real server around them on a free port."""

import asyncio
import functools
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import httpx
import numpy as np
import structlog
from fastapi import FastAPI
from support.contract import Documented
from support.doctor import FakeHost, FakeNetwork
from support.keeping import new_data_folder

from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import (
    Channel,
    EndOfStreamError,
    Marker,
    SampleChunk,
    SourceHealth,
    StreamSpec,
)
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import UsageError
from hadua.models.features import BoolArray, FeatureSpec, FeatureWindow, Modality
from hadua.models.prediction import ModalityState, Prediction
from hadua.models.quality import SignalQuality
from hadua.models.runtime import Float32Array
from hadua.service.app import build_service, create_app, drain
from hadua.service.cluster.booth import Booth
from hadua.service.cluster.fitters import Fitter
from hadua.service.config import Settings
from hadua.service.doctor.surroundings import Surroundings
from hadua.service.engine import Engine, StepPipeline
from hadua.service.http_connection import HEAD_S
from hadua.service.listener import listen, url_of
from hadua.service.person_data import PROFILES
from hadua.service.server import PING_S, Server
from hadua.service.service import Service
from hadua.service.serving import Personal
from hadua.service.storage.storage import Storage

EEG = StreamSpec("fake EEG", (Channel("CZ"), Channel("PZ")), 100.0, type="EEG")
GAZE = StreamSpec("fake gaze", (Channel("x"), Channel("y")), 50.0, type="Gaze")
SPECS = {Modality.EEG: EEG, Modality.EYE: GAZE}
CLASSES = ("calm", "tense")
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
)


def ramp(spec: StreamSpec, start: int, stop: int, *, gap_before: bool = False) -> SampleChunk:
    """Samples whose value is their own index, so that a lost one shows."""
    k = np.arange(start, stop, dtype=np.float64)
    return SampleChunk(spec, k / spec.rate_hz, np.stack((k, -k), axis=1), gap_before)


def ramps(spec: StreamSpec, n_chunks: int, *, size: int = 10) -> list[SampleChunk]:
    """Consecutive chunks of `size` samples."""
    return [ramp(spec, k * size, (k + 1) * size) for k in range(n_chunks)]


class FakeSource:
    """Delivers a script: chunks, errors to raise, and events to wait for. Then it ends.

    An item that is an event makes `read` return None until it is set.
    """

    def __init__(
        self,
        script: Iterable[SampleChunk | Exception | threading.Event],
        *,
        spec: StreamSpec = EEG,
        fail_open: Exception | None = None,
        open_gate: threading.Event | None = None,
    ) -> None:
        self.opened = threading.Event()
        self.closed = threading.Event()
        self._script = list(script)
        self._spec = spec
        self._fail_open = fail_open
        self._open_gate = open_gate

    @property
    def description(self) -> str:
        return f"fake:{self._spec.name}"

    def open(self, timeout_s: float) -> StreamSpec:
        if self._open_gate is not None:
            self._open_gate.wait(timeout_s)
        if self._fail_open is not None:
            raise self._fail_open
        self.opened.set()
        return self._spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        if not self._script:
            raise EndOfStreamError("the script is over")
        item = self._script[0]
        if isinstance(item, threading.Event):
            if not item.wait(timeout_s):
                return None
            self._script.pop(0)
            return None
        self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def health(self) -> SourceHealth:
        return SourceHealth(clock_uncertainty_s=0.001)

    def close(self) -> None:
        self.closed.set()


class FakeMarkedSource(FakeSource):
    """Knows of events, too, and gives each once."""

    def __init__(
        self,
        script: Iterable[SampleChunk | Exception | threading.Event],
        *,
        markers: Iterable[Marker],
        spec: StreamSpec = EEG,
    ) -> None:
        super().__init__(script, spec=spec)
        self._markers = list(markers)

    def markers(self, until_s: float) -> list[Marker]:
        given = [m for m in self._markers if m.t_s <= until_s]
        self._markers = [m for m in self._markers if m.t_s > until_s]
        return given


@dataclass
class FakeResult:
    prediction: Prediction
    stage_ms: Mapping[str, float] = field(default_factory=lambda: {"features": 0.5, "model": 0.25})
    quality: Mapping[Modality, SignalQuality] = field(default_factory=dict)
    windows: Mapping[Modality, FeatureWindow] = field(default_factory=dict)


def a_prediction(end_s: float = 1.0, *, reason: str = "") -> Prediction:
    return Prediction(
        start_s=end_s - 1.0,
        end_s=end_s,
        classes=CLASSES,
        probabilities=(0.75, 0.25),
        label="calm",
        confidence=0.75,
        abstained=False,
        reason=reason,
        modalities={"eeg": ModalityState.USED, "eye": ModalityState.NOT_CONNECTED},
        quality={"eeg": 1.0, "eye": 0.0},
        profile_version=0,
        bundle="fake@0",
    )


class FakePipeline:
    """One result per EEG chunk; remembers what it saw; may fail or block at a chunk."""

    def __init__(
        self,
        *,
        fail_at: int | None = None,
        error: Exception | None = None,
        gate: threading.Event | None = None,
        padding: str = "",
    ) -> None:
        self.seen: list[tuple[Modality, SampleChunk]] = []
        self.ended: list[Modality] = []
        self.stepping = threading.Event()
        self._fail_at = fail_at
        self._error = error
        self._gate = gate
        self._padding = padding

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[FakeResult]:
        self.stepping.set()
        if self._gate is not None:
            self._gate.wait(10.0)
        if self._error is not None and len(self.seen) == self._fail_at:
            raise self._error
        self.seen.append((modality, chunk))
        end_s = float(chunk.t_s[-1]) + 1.0 / chunk.spec.rate_hz
        results = [FakeResult(a_prediction(end_s, reason=self._padding))]
        return results if modality is Modality.EEG else []

    def end(self, modality: Modality) -> Sequence[FakeResult]:
        self.ended.append(modality)
        return []

    def reports(self) -> Mapping[str, Mapping[str, object]]:
        return {"eeg": {"coverage": 1.0}}

    def losses(self) -> Mapping[str, int]:
        return {"late_windows": len(self.seen) // 10}

    @property
    def normalisation_state(self) -> str:
        return "source"


@dataclass
class FakeManifest:
    name: str = "fake"
    version: str = "1"
    demo: bool = True
    notice: str = "means nothing"
    context: int = 3
    temperature: float = 1.0
    abstain_below: float = 0.0
    min_coverage: Mapping[Modality, float] = field(
        default_factory=lambda: dict.fromkeys(Modality, 0.5)
    )


FEATURES = {
    Modality.EEG: FeatureSpec(Modality.EEG, "hadua-de", 1, ("CZ:delta", "CZ:theta"), 1.0, 0.5),
    Modality.EYE: FeatureSpec(Modality.EYE, "hadua-eye", 1, ("a", "b", "c"), 4.0, 0.5),
}


@dataclass
class FakeBundle:
    id: str = "fake@0"
    digest: str = "0" * 64
    classes: tuple[str, ...] = CLASSES
    manifest: FakeManifest = field(default_factory=FakeManifest)
    specs: Mapping[Modality, FeatureSpec] = field(default_factory=lambda: FEATURES)

    hop_s: float = 0.5
    context: int = 3

    def width(self, modality: Modality) -> int:
        return len(self.specs[modality].names)

    @property
    def normalisation(self) -> dict[Modality, Normalisation]:
        widths = {m: len(spec.names) for m, spec in self.specs.items()}
        return {m: Normalisation(np.zeros(n), np.full(n, 2.0)) for m, n in widths.items()}


def fake_bundle() -> Bundle:
    return cast("Bundle", FakeBundle())


class FakeRuntime:
    """Logit of the first class: the newest window's first EEG feature; of the second: 0."""

    name: Literal["onnx"] = "onnx"
    device: Literal["cpu"] = "cpu"

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        del eye, present
        return np.stack((eeg[:, -1, 0], np.zeros_like(eeg[:, -1, 0])), axis=1)

    def close(self) -> None:
        pass


def personal_of(folder: Path, bundle: Bundle) -> Personal:
    """The profiles of a data folder."""
    return Personal(ProfileStore(folder / PROFILES), bundle, name="onnx", device="cpu")


def settings_for_tests(**changes: object) -> Settings:
    usual = {"wait_s": 5.0, "send_timeout_s": 0.2, "require_consent": False}
    return Settings.model_validate(usual | changes)


@dataclass
class Parts:
    """What a test chooses of a service; sources are looked up by their text."""

    sources: dict[str, FakeSource] = field(default_factory=dict)
    pipeline: StepPipeline = field(default_factory=FakePipeline)
    settings: Settings = field(default_factory=settings_for_tests)
    startup: Mapping[Modality, FakeSource] | None = None
    list_streams: Callable[[float], Sequence[StreamSummary]] = lambda _: []
    here: Surroundings = field(default_factory=lambda: Surroundings(FakeHost(), FakeNetwork()))
    ping_s: float = PING_S
    head_s: float = HEAD_S
    data_folder: Path | None = None
    port: int = 0
    bundle: Bundle = field(default_factory=fake_bundle)
    personal: Personal | bool = False
    booth: Booth | None = None
    replicas: int = 0
    fitter: Fitter | None = None

    def parse(self, text: str, *, modality: Modality) -> FakeSource:
        del modality
        if text not in self.sources:
            raise UsageError(f"source {text!r}", expected="a known scheme", hint="Try another.")
        return self.sources[text]


def personal_for(parts: Parts, folder: Path) -> Personal | None:
    if isinstance(parts.personal, Personal):
        return parts.personal
    return personal_of(folder, parts.bundle) if parts.personal else None


@dataclass
class Running:
    """A service that listens."""

    url: str
    service: Service
    server: Server
    http: httpx.AsyncClient
    service_app: FastAPI

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[Running]:
    """The service of these parts on their port, or a free one, until the block is left."""
    started = asyncio.Event()
    kept = tempfile.TemporaryDirectory(prefix="hadua-kept-")
    folder = parts.data_folder or new_data_folder(Path(kept.name))
    storage = Storage.open(folder, unix_clock=time.time)
    settings = parts.settings.model_copy(update={"data_dir": folder})

    def make_service() -> Service:
        loop = asyncio.get_running_loop()
        return build_service(
            settings,
            bundle=parts.bundle,
            make_engine=lambda _: Engine(parts.pipeline),
            load_runtime=FakeRuntime,
            parse_source=parts.parse,
            list_streams=parts.list_streams,
            storage=storage,
            clock=loop.time,
            unix_clock=lambda: 1_700_000_000.0 + loop.time(),
            startup=(lambda: parts.startup or {}) if parts.startup else None,
            cut=lambda client: server.cut(client),
            personal=personal_for(parts, folder),
            here=parts.here,
            booth=parts.booth,
            replicas=parts.replicas,
            fitter=parts.fitter,
        )

    app = create_app(
        make_service, origins=settings.allowed_origins, started=lambda _: started.set()
    )
    server = Server(
        app, drain=lambda: drain(app.state.service), ping_s=parts.ping_s, head_s=parts.head_s
    )
    with kept, listen("127.0.0.1", parts.port) as listener:
        url = url_of(listener)
        hooks: dict[str, list[Callable[[httpx.Response], Awaitable[None]]]] = {
            "response": [Documented(app.openapi())]
        }
        async with (
            asyncio.TaskGroup() as tasks,
            httpx.AsyncClient(base_url=url, event_hooks=hooks) as http,
        ):
            serving = tasks.create_task(server.serve(sockets=[listener]))
            await started.wait()
            try:
                yield Running(url, app.state.service, server, http, app)
            finally:
                server.request_exit()
                await serving


def async_test(
    test: Callable[..., Awaitable[None]], *, timeout_s: float = 20.0
) -> Callable[..., None]:
    """Run a coroutine test in a loop of its own; debug of slow callbacks off, time limited."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def limited() -> None:
            async with asyncio.timeout(timeout_s):
                await test(*args, **kwargs)

        asyncio.run(limited())

    return run


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds; the test's own time limit bounds it."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.005)
