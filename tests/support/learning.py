"""A service whose sessions calibrate: toy people, a scripted pipeline, everything else real."""

import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import numpy as np
import psutil
from support.service import FakeResult, FakeSource, Parts, a_prediction, settings_for_tests
from support.toy_bundle import toy_bundle
from support.toy_calibration import COLLECTED, PERSON, toy_windows

from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.features import FeatureWindow, Modality
from hadua.service.learning.nursery_process import NAME
from hadua.service.serving import Serving

EEG = StreamSpec("toy EEG", (Channel("k"),), 1.0, type="EEG")
MOST = len(COLLECTED)
Script = list[SampleChunk | Exception | threading.Event]


def windows_chunks(start: int, stop: int) -> list[SampleChunk]:
    """One chunk for each window; its one sample is the window's number."""
    return [
        SampleChunk(EEG, np.array([float(k)]), np.array([[float(k)]]), k == start)
        for k in range(start, stop)
    ]


@dataclass
class ToyPipeline:
    """Gives the toy person's k-th window for sample k, and says whose model answers."""

    measured: frozenset[Modality] = frozenset(Modality)
    version: int = 0
    used: list[int] = field(default_factory=list)
    without: frozenset[Modality] = frozenset()
    constant: bool = False
    quality: float = 1.0

    def use(self, serving: Serving) -> None:
        serving.runtime.close()
        self.version = serving.version
        self.used.append(serving.version)

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[FakeResult]:
        return [self._result(int(k)) for k in chunk.x[:, 0]]

    def _result(self, k: int) -> FakeResult:
        round_, place = divmod(k, MOST)
        end_s, windows = toy_windows(place)
        prediction = replace(
            a_prediction(float(k) + 1.0), label="low", classes=("low", "high"),
            profile_version=self.version,
        )  # fmt: skip
        end_s += round_ * (COLLECTED.end_s[-1] - COLLECTED.end_s[0] + 10.0)
        return FakeResult(
            prediction, windows={m: self._window(w, end_s) for m, w in windows.items()}
        )

    def _window(self, window: FeatureWindow, end_s: float) -> FeatureWindow:
        spec, start_s = window.spec, end_s - window.spec.window_s
        if spec.modality in self.without:
            return FeatureWindow.absent(spec, start_s=start_s, end_s=end_s, reason="gap")
        values = np.ones(len(spec.names)) if self.constant else window.values.copy()
        return FeatureWindow(spec, values, start_s, end_s, self.quality, window.present.copy())

    def end(self, modality: Modality) -> Sequence[FakeResult]:
        return []

    def reports(self) -> Mapping[str, Mapping[str, object]]:
        return {"eeg": {"coverage": 1.0}}

    def losses(self) -> Mapping[str, int]:
        return {}

    @property
    def normalisation_state(self) -> str:
        return f"profile {self.version}" if self.version else "source"


def learning_parts(
    script: Script, *, pipeline: ToyPipeline | None = None, folder: Path | None = None,
    **settings: object,
) -> Parts:  # fmt: skip
    """A service with one source, `toy`."""
    return Parts(
        sources={"toy": FakeSource(script, spec=EEG)},
        pipeline=pipeline or ToyPipeline(),
        settings=settings_for_tests(bridge_s=3600.0, **settings),
        bundle=toy_bundle(),
        personal=True,
        data_folder=folder,
    )


async def begin_session(http: httpx.AsyncClient, participant: str | None = PERSON) -> str:
    """Start the toy's session; its id."""
    body = {"id": "s-1", "eeg": "toy", "participant": participant}
    started = await http.post("/api/v1/sessions", json=body)
    assert started.status_code == 201, started.text
    return "/api/v1/sessions/s-1"


def learners() -> list[psutil.Process]:
    """The processes that learn, of this process's children those alone: others need theirs."""
    ours = ("hadua.service.learning.online_process", "hadua.calibration.worker")
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # one that has just ended, somebody else's
            line = " ".join(child.cmdline())
            mine = child.name() == NAME or any(name in line for name in ours)
            found += [child] if mine else []
    return found


def kill_learners() -> None:
    """Kill them, and there must be one."""
    learning = learners()
    assert learning
    for child in learning:
        os.kill(child.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
