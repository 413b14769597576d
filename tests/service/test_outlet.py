"""Predictions and changes of state over LSL, as pylsl and mne-lsl receive them."""

import json
import math
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pylsl
import pytest
from msgspec.structs import replace
from support.service import (
    EEG,
    FakeSource,
    Parts,
    a_prediction,
    async_test,
    eventually,
    fake_bundle,
    ramps,
    running,
    settings_for_tests,
)
from support.serving import process

from hadua.adapters.sources.lsl_outlet import OURS, OutletSpec
from hadua.adapters.sources.source import Source
from hadua.models.errors import RuntimeUnavailableError
from hadua.models.features import Modality
from hadua.service.metrics import Metrics
from hadua.service.outlet import REST, WAITING_AT_MOST, SessionOutlet
from hadua.service.prediction_frame import Moment, prediction_frame
from hadua.service.session_lsl import LslSide
from hadua.service.state_changes import StateChanges
from hadua.service.wire import (
    MarkerFrame,
    OutletStatus,
    PredictionFrame,
    RecordingStatus,
    StatusFrame,
    StreamStatus,
)

NOTHING = OutletStatus(streams=(), sent=0, dropped=0, listened_to=False)
LABELS = ["p_calm", "p_tense", "label_index", "confidence", "quality", "adapted", "latency_ms"]


def prediction(end_s: float = 1.0, *, profile_version: int = 0) -> PredictionFrame:
    moment = Moment(
        session_id="s", epoch=1, seq=1, time_unix=0.0, latency_ms={"total": 2.5},
        clock_uncertainty_ms=None,
    )  # fmt: skip
    frame = prediction_frame(a_prediction(end_s), moment)
    return replace(frame, profile_version=profile_version)


def status(state: str = "running", *, reason: str = "", **streams: str) -> StatusFrame:
    return StatusFrame(
        state=state,
        reason=reason,
        streams={m: StreamStatus(source="lsl:", state=s) for m, s in streams.items()},
        normalisation="source",
        chunks_dropped=0,
        predictions=0,
        abstained=0,
        latency=None,
    )


@dataclass
class FakeOutlet:
    """Remembers what was pushed; may block or fail."""

    spec: OutletSpec
    gate: threading.Event | None = None
    stands: threading.Event = field(default_factory=threading.Event)
    fault: Exception | None = None
    pushed: list[tuple[Sequence[float] | Sequence[str], float]] = field(default_factory=list)

    def push_sample(self, x: Sequence[float] | Sequence[str], timestamp: float) -> None:
        if self.gate is not None:
            self.stands.set()
            self.gate.wait(30.0)
        if self.fault is not None:
            raise self.fault
        self.pushed.append((x, timestamp))

    def have_consumers(self) -> bool:
        return False


def outlet_of(opener: Callable[[OutletSpec], FakeOutlet], dropped: list[int]) -> SessionOutlet:
    return SessionOutlet(
        "HADUA",
        session_id="s",
        bundle=fake_bundle(),
        on_drop=lambda: dropped.append(1),
        opener=opener,
    )


def finish(outlet: SessionOutlet) -> None:
    outlet.stop()
    assert outlet.join(10.0)


def resolve(name: str) -> pylsl.StreamInfo:
    (info,) = pylsl.resolve_byprop("name", name, timeout=10.0)
    return info


def test_pylsl_receives_predictions_stamped_with_their_windows_end(unique: str) -> None:
    outlet = SessionOutlet(unique, session_id="s-1", bundle=fake_bundle())
    outlet.start()
    inlet = pylsl.StreamInlet(resolve(f"{unique}-predictions"))
    try:
        inlet.open_stream(10.0)
        info = inlet.info(10.0)
        now_s = pylsl.local_clock()
        for k in range(3):
            outlet.said(prediction(now_s + k, profile_version=k), "", now_s)
        rows, stamps = list[list[float]](), list[float]()
        while len(rows) < 3:
            row, stamp = inlet.pull_sample(timeout=10.0)
            rows.append(row)
            stamps.append(stamp)
    finally:
        finish(outlet)
        inlet.close_stream()

    assert (info.type(), info.nominal_srate()) == ("Predictions", 0.0)
    assert info.channel_format() == pylsl.cf_float32
    assert info.source_id().startswith(OURS)
    assert info.get_channel_labels() == LABELS
    facts = info.desc().child("hadua")
    assert facts.child_value("bundle") == "fake@0"
    assert facts.child_value("bundle_sha256") == "0" * 64
    assert facts.child_value("session_id") == "s-1"
    assert [facts.child("class").child_value()] == ["calm"]
    assert rows[0] == [0.75, 0.25, 0.0, 0.75, 1.0, 0.0, 2.5]
    assert [row[5] for row in rows] == [0.0, 1.0, 1.0]
    assert stamps == [now_s, now_s + 1, now_s + 2]


def test_mne_lsl_reads_the_predictions(unique: str) -> None:
    outlet = SessionOutlet(unique, session_id="s-2", bundle=fake_bundle())
    outlet.start()
    receiver = str(Path(__file__).parents[1] / "support" / "mne_receiver.py")
    try:
        with process([sys.executable, receiver, f"{unique}-predictions", "4"]) as running:
            assert running.line() == "connected", running.errors
            now_s = pylsl.local_clock()
            for k in range(4):
                outlet.said(prediction(now_s + k), "", now_s)
            got = json.loads(running.line())
    finally:
        finish(outlet)
    assert got["labels"] == LABELS
    assert got["rate_hz"] == 0.0
    assert got["x"] == [[0.75, 0.25, 0.0, 0.75, 1.0, 0.0, 2.5]] * 4
    np.testing.assert_allclose(got["t_s"], now_s + np.arange(4), atol=1e-6)


def test_changes_of_state_and_markers_are_strings(unique: str) -> None:
    outlet = SessionOutlet(unique, session_id="s-3", bundle=fake_bundle())
    outlet.start()
    events = pylsl.StreamInlet(resolve(f"{unique}-events"))
    markers = pylsl.StreamInlet(resolve(f"{unique}-markers"))
    try:
        for inlet in (events, markers):
            inlet.open_stream(10.0)
            assert inlet.info(10.0).type() == "Markers"
        for frame in (status("waiting", eeg="waiting"), status(eeg="live"), status(eeg="live")):
            outlet.said(frame, "", 5.0)
        outlet.said(status("degraded", reason="eeg: no samples", eeg="stale"), "", 6.0)
        outlet.said(MarkerFrame(t_s=7.5, text="stimulus=3", source=REST), "", 0.0)
        said = [json.loads(events.pull_sample(timeout=10.0)[0][0]) for _ in range(7)]
        text, stamp_s = markers.pull_sample(timeout=10.0)
    finally:
        finish(outlet)
        for inlet in (events, markers):
            inlet.close_stream()
    told = [(e["event"], e.get("modality"), e["state"]) for e in said]
    assert told == [
        ("session", None, "waiting"),
        ("normalisation", None, "source"),
        ("stream", "eeg", "waiting"),
        ("session", None, "running"),
        ("stream", "eeg", "live"),
        ("session", None, "degraded"),
        ("stream", "eeg", "stale"),
    ]
    assert said[5]["reason"] == "eeg: no samples"
    assert (text, stamp_s) == (["stimulus=3"], 7.5)


def test_what_makes_the_predictions_and_what_is_recorded_is_said_when_it_changes() -> None:
    changes = StateChanges()
    assert changes.of_prediction(prediction()) == [
        {"event": "model", "bundle": "fake@0", "profile_version": 0}
    ]
    assert changes.of_prediction(prediction(2.0)) == []
    assert changes.of_prediction(prediction(3.0, profile_version=2))[0]["profile_version"] == 2
    recording = RecordingStatus(
        state="recording", path="a.xdf", size_bytes=0, duration_s=0.0, free_mb=1.0, waiting_mb=0.0,
        samples={}, predictions=0, markers=0,
    )  # fmt: skip
    recorded = replace(status(), recording=recording)
    assert {"event": "recording", "state": "recording", "path": "a.xdf"} in changes.of_status(
        recorded
    )


def test_a_baseline_is_said_when_it_begins_and_ends_only() -> None:
    changes = StateChanges()
    told = []
    for text in ("baseline 0/9", "baseline 1/9", "baseline 2/9", "baseline"):
        with_text = replace(status(), normalisation=text)
        told += [c["state"] for c in changes.of_status(with_text) if c["event"] == "normalisation"]
    assert told == ["baseline begins", "baseline"]


def test_a_network_that_stalls_drops_the_oldest_and_counts_them() -> None:
    gate, stands, dropped = threading.Event(), threading.Event(), list[int]()
    made: list[FakeOutlet] = []

    def opener(spec: OutletSpec) -> FakeOutlet:
        made.append(FakeOutlet(spec, gate=gate, stands=stands))
        return made[-1]

    def say(k: int) -> None:
        outlet.said(MarkerFrame(t_s=float(k), text=str(k), source=REST), "", 0.0)

    outlet = outlet_of(opener, dropped)
    outlet.start()
    say(0)
    assert stands.wait(30.0)
    for k in range(1, WAITING_AT_MOST + 51):
        say(k)
    gate.set()
    finish(outlet)
    sent = [t_s for made_ in made for _, t_s in made_.pushed]
    assert outlet.status().dropped == len(dropped) == 50
    assert sent == [0.0, *(float(k) for k in range(51, WAITING_AT_MOST + 51))]


def test_no_prediction_is_no_number() -> None:
    made: list[FakeOutlet] = []

    def opener(spec: OutletSpec) -> FakeOutlet:
        made.append(FakeOutlet(spec))
        return made[-1]

    outlet = outlet_of(opener, [])
    outlet.start()
    nothing = {"probabilities": None, "label": None, "confidence": None}
    outlet.said(replace(prediction(), modalities={"eeg": "missing"}, **nothing), "", 0.0)
    finish(outlet)
    (row, _), *_ = made[0].pushed
    assert [x for x in row if not math.isnan(float(x))] == [-1.0, 0.0, 0.0, 2.5]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (RuntimeUnavailableError("Lab Streaming Layer is not available"), "not available"),
        (ZeroDivisionError(), "internal error: ZeroDivisionError"),
    ],
)
def test_a_fault_of_the_outlet_ends_the_outlet_and_is_shown(fault: Exception, told: str) -> None:
    outlet = outlet_of(lambda spec: FakeOutlet(spec, fault=fault), [])
    outlet.start()
    outlet.said(MarkerFrame(t_s=0.0, text="a", source=REST), "", 0.0)
    assert outlet.join(10.0)
    assert told in (outlet.status().error or "")
    outlet.said(MarkerFrame(t_s=1.0, text="b", source=REST), "", 0.0)  # nothing happens


@async_test
async def test_a_session_sends_what_its_clients_get(unique: str) -> None:
    hold = threading.Event()
    parts = Parts(
        sources={"fake:eeg": FakeSource([*ramps(EEG, 5), hold])},
        settings=settings_for_tests(outlet=True, outlet_name=unique),
    )
    async with running(parts) as service:
        await service.http.post("/api/v1/sessions", json={"eeg": "fake:eeg", "id": "a"})
        session = service.service.sessions.get("a")
        await eventually(lambda: session.publisher.predictions == 5)
        # Predictions, and the changes: waiting, its stream, running, the stream again, the model.
        await eventually(lambda: (session.status().outlet or NOTHING).sent >= 5 + 5)
        shown = (await service.http.get("/api/v1/sessions/a")).json()["status"]["outlet"]
        assert shown["streams"] == [f"{unique}-{n}" for n in ("predictions", "events", "markers")]
        assert (shown["dropped"], shown["listened_to"], shown["error"]) == (0, False, None)
        hold.set()


class Described(FakeSource):
    def __init__(self, text: str) -> None:
        super().__init__(ramps(EEG, 1))
        self._text = text

    @property
    def description(self) -> str:
        return self._text


@pytest.mark.parametrize(
    ("source", "setting", "sends"),
    [
        ("lsl:type=EEG", None, True),
        ("fieldtrip:host:1972", None, True),
        ("sim:", None, False),
        ("file:a.xdf", None, False),
        ("sim:", True, True),
        ("lsl:type=EEG", False, False),
    ],
)
def test_a_session_on_a_device_sends_unless_told_otherwise(
    source: str, setting: bool | None, sends: bool
) -> None:
    side = LslSide(settings_for_tests(outlet=setting), bundle=fake_bundle(), metrics=Metrics())
    sources: dict[Modality, Source] = {Modality.EEG: Described(source)}
    assert (side.outlet("s", sources) is not None) == sends
