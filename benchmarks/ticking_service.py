"""The service with a source that ticks and a pipeline that costs nothing.

    python benchmarks/ticking_service.py MAX_CLIENTS [TICKS_A_SECOND]

Everything from the bridge to the sockets is the real thing; a prediction is as long as that of the
demo. Prints its URL, serves until it is asked to stop.
"""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import Channel, SampleChunk, SourceHealth, StreamSpec
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.features import FeatureWindow, Modality
from hadua.models.prediction import ModalityState, Prediction
from hadua.models.quality import SignalQuality
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.app import build_service, create_app, drain
from hadua.service.config import Settings
from hadua.service.engine import Engine
from hadua.service.listener import listen, url_of
from hadua.service.logs import configure_logs
from hadua.service.server import Server
from hadua.service.service import Service
from hadua.service.sources import live_source
from hadua.service.storage.storage import Storage

RATE_HZ = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
SPEC = StreamSpec("ticks", (Channel("CZ"),), RATE_HZ, type="EEG")


class Ticks:
    """One sample at a time, `RATE_HZ` of them a second."""

    def __init__(self) -> None:
        self._next_s = 0.0

    @property
    def description(self) -> str:
        return "ticks"

    def open(self, timeout_s: float) -> StreamSpec:
        self._next_s = lsl_now_s()
        return SPEC

    def read(self, timeout_s: float) -> SampleChunk | None:
        self._next_s += 1.0 / RATE_HZ
        time.sleep(max(0.0, self._next_s - lsl_now_s()))
        return SampleChunk(SPEC, np.array([self._next_s]), np.zeros((1, 1)), gap_before=False)

    def health(self) -> SourceHealth:
        return SourceHealth(clock_uncertainty_s=0.0005)

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Result:
    prediction: Prediction
    stage_ms: Mapping[str, float] = field(default_factory=lambda: {"features": 0.8, "model": 0.7})
    quality: Mapping[Modality, SignalQuality] = field(default_factory=dict)
    windows: Mapping[Modality, FeatureWindow] = field(default_factory=dict)


class Answering:
    """One prediction per tick, like one of the demo."""

    normalisation_state = "source"

    def __init__(self, classes: tuple[str, ...], bundle: str) -> None:
        self._classes, self._bundle = classes, bundle

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[Result]:
        n = len(self._classes)
        prediction = Prediction(
            start_s=float(chunk.t_s[0]) - 1.0,
            end_s=float(chunk.t_s[0]) + 1e-4,  # a window ends after its last sample
            classes=self._classes,
            probabilities=tuple(float(p) for p in np.random.default_rng(0).dirichlet(np.ones(n))),
            label=self._classes[0],
            confidence=0.61803398875,
            abstained=False,
            reason="",
            modalities={"eeg": ModalityState.USED, "eye": ModalityState.NOT_CONNECTED},
            quality={"eeg": 0.98765432, "eye": 0.0},
            profile_version=0,
            bundle=self._bundle,
        )
        return [Result(prediction)]

    def end(self, modality: Modality) -> Sequence[Result]:
        return []

    def reports(self) -> Mapping[str, Mapping[str, object]]:
        return {}

    def losses(self) -> Mapping[str, int]:
        return {}


def main() -> None:
    settings = Settings.model_validate({"demo": True, "max_clients": int(sys.argv[1])})
    configure_logs(level="warning", json=False)
    bundle = load_bundle(demo_bundle_path())

    def runtime() -> Runtime:
        return load_runtime(bundle, name="onnx", device="cpu")

    def make_service() -> Service:
        return build_service(
            settings,
            bundle=bundle,
            make_engine=lambda _: Engine(Answering(tuple(bundle.classes), bundle.id)),
            load_runtime=runtime,
            parse_source=live_source,
            list_streams=lambda _: [],
            storage=storage,
            clock=lsl_now_s,
            unix_clock=time.time,
            startup=lambda: {Modality.EEG: Ticks()},
            cut=lambda client: server.cut(client),
        )

    with tempfile.TemporaryDirectory(prefix="hadua-bench-") as folder:
        storage = Storage.open(Path(folder), unix_clock=time.time)
        with listen("127.0.0.1", 0) as listener:
            app = create_app(make_service, started=lambda _: _say(url_of(listener)))
            server = Server(app, drain=lambda: drain(app.state.service))
            server.run(sockets=[listener])


def _say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
