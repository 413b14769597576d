"""What is said about streams, from scripts of what they would send."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.doctor import FakeHost, FakeNetwork, a_visit, said
from support.service import FakeSource

from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import Channel, SampleChunk, SourceHealth, StreamSpec
from hadua.models.errors import StreamNotFoundError
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.doctor.finding import Finding
from hadua.service.doctor.streams import (
    look_at_clocks,
    look_at_labels,
    look_at_rates,
    look_at_source_ids,
    look_at_streams,
    look_at_units,
)
from hadua.service.doctor.visit import Measured, Visit

EEG = StreamSpec("Amp", (Channel("FP1", unit="uV"), Channel("OZ", unit="uV")), 250.0, "EEG", "a1")


NOT_USED = "not used, because nobody says how many microvolts one is:"


def chunk(spec: StreamSpec, start: int, n: int, *, rate_hz: float) -> SampleChunk:
    t_s = np.arange(start, start + n) / rate_hz
    return SampleChunk(spec, t_s, np.zeros((n, len(spec.channels))))


def sending(spec: StreamSpec, *, rate_hz: float, chunks: int = 10) -> FakeSource:
    return FakeSource([chunk(spec, 25 * k, 25, rate_hz=rate_hz) for k in range(chunks)], spec=spec)


def summary(
    name: str = "Amp", kind: str = "EEG", source_id: str = "a1", host: str = "lab"
) -> StreamSummary:
    return StreamSummary(name, kind, source_id, host, 2, 250.0, f"lsl:name={name},type={kind}")


def listening(source: FakeSource, *, text: str = "lsl:x") -> Visit:
    """A visit that has listened to one stream that was asked for."""
    visit = a_visit(FakeHost(), FakeNetwork(sources={text: source}))
    visit.settings = Settings.model_construct(eeg=text)
    look_at_streams(visit)
    return visit


def measured(spec: StreamSpec, *, modality: Modality = Modality.EEG, **what: object) -> Visit:
    visit = a_visit()
    kinds = {"wanted": True, "effective_hz": spec.rate_hz, **what}
    visit.measured = (Measured("lsl:x", modality, spec=spec, **kinds),)  # type: ignore[arg-type]
    return visit


def only(findings: Sequence[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_good_stream_is_good_in_every_respect() -> None:
    visit = listening(sending(EEG, rate_hz=250.0))

    assert said(look_at_rates(visit)) == [("ok", "declares 250 Hz, sends 250.0 Hz")]
    assert said(look_at_labels(visit)) == [("ok", "FP1, OZ")]
    assert said(look_at_units(visit)) == [("ok", "uV")]
    assert said(look_at_clocks(visit))[1] == ("ok", "offset +0.00 ms, uncertain by 1.00 ms")


def test_streams_that_are_there_are_opened_and_others_are_named() -> None:
    found = [summary(), summary("Acc", "ACC"), summary("Mark", "Markers"), summary("Eyes", "gaze")]
    sources = {
        "lsl:name=Amp,type=EEG": sending(EEG, rate_hz=250.0),
        "lsl:name=Eyes,type=gaze": FakeSource([], spec=EEG),
    }
    visit = a_visit(network=FakeNetwork(found=found, sources=sources))

    amp, eyes, others = look_at_streams(visit)

    assert said([amp]) == [("ok", "'Amp', 2 channels, 250 Hz")]
    assert eyes.looked_at == "lsl:name=Eyes,type=gaze"
    assert others.state == "note"
    assert "'Acc' (type 'ACC'" in others.found
    assert "'Mark' (type 'Markers'" in others.found
    assert [m.modality for m in visit.measured] == [Modality.EEG, Modality.EYE]
    assert [m.bad() for m in visit.measured] == ["warning", "warning"]
    assert all(source.closed.is_set() for source in sources.values())


def test_a_stream_that_was_asked_for_and_is_not_there_is_a_problem() -> None:
    gone = StreamNotFoundError("no LSL stream", got="nothing", hint="Is the sender running?")
    visit = listening(FakeSource([], fail_open=gone))
    finding = only(look_at_streams(visit))
    assert (finding.state, finding.fix) == ("problem", "Is the sender running?")
    assert finding.found == "no LSL stream: got nothing."
    assert look_at_rates(visit) == look_at_labels(visit) == look_at_units(visit) == []


def test_a_text_that_cannot_be_is_a_problem() -> None:
    visit = a_visit()
    visit.settings = Settings.model_construct(gaze="what:ever")
    finding = only(look_at_streams(visit))
    assert finding.state == "problem"
    assert "'what:ever'" in finding.found
    assert "SOURCE text" in finding.fix


def test_a_source_that_never_comes_back_does_not_hold_up_the_rest() -> None:
    class Stuck(FakeSource):
        def open(self, timeout_s: float) -> StreamSpec:
            never.wait(30.0)
            return super().open(timeout_s)

    never = threading.Event()
    visit = a_visit(network=FakeNetwork(sources={"lsl:x": Stuck([])}, step_s=9.0), seconds=0.5)
    visit.settings = Settings.model_construct(eeg="lsl:x")
    finding = only(look_at_streams(visit))
    never.set()
    assert finding.state == "problem"
    assert "does not give up either" in finding.found


def test_without_a_network_streams_of_this_computer_are_still_listened_to() -> None:
    network = FakeNetwork(sources={"file:a.xdf": sending(EEG, rate_hz=250.0)}, found=[summary()])
    visit = a_visit(network=network)
    visit.request = type(visit.request)(network=False)
    visit.settings = Settings.model_construct(eeg="file:a.xdf", gaze="lsl:type=Gaze")

    assert said(look_at_streams(visit)) == [("ok", "'Amp', 2 channels, 250 Hz")]
    visit.settings = Settings.model_construct(gaze="lsl:type=Gaze")
    assert said(look_at_streams(visit)) == [("note", "left out: --no-network")]


def test_no_stream_at_all_is_a_warning_but_not_for_the_demo() -> None:
    visit = a_visit()
    assert only(look_at_streams(visit)).state == "warning"
    visit.settings = Settings.model_construct(demo=True)
    assert only(look_at_streams(visit)).state == "ok"


def test_oddities_of_a_stream_are_listed() -> None:
    source = sending(EEG, rate_hz=250.0)
    source.health = lambda: SourceHealth(notes=("sends in bursts",))  # type: ignore[method-assign]
    finding = only(look_at_streams(listening(source)))
    assert (finding.state, finding.found[-15:]) == ("note", "sends in bursts")


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ([summary()], ("ok", "1 streams, each of its own")),
        ([summary(), summary()], ("warning", "2 streams are alike: name 'Amp', type 'EEG'")),
        ([summary(kind="EEG"), summary(kind="ACC")], ("ok", "2 streams, each of its own")),
        ([summary(source_id="")], ("note", "no source_id: 'Amp'")),
    ],
)
def test_source_ids(streams: list[StreamSummary], expected: tuple[str, str]) -> None:
    visit = a_visit()
    visit.listed = tuple(streams)
    state, found = said(look_at_source_ids(visit))[0]
    assert (state, found[: len(expected[1])]) == expected


@pytest.mark.parametrize(
    ("spec", "what", "expected"),
    [
        (EEG, {"effective_hz": 240.0}, ("warning", "declares 250 Hz, sends 240.0 Hz")),
        (EEG, {"effective_hz": 246.0}, ("ok", "declares 250 Hz, sends 246.0 Hz")),
        (EEG, {"effective_hz": None}, ("problem", "declares 250 Hz and sends no sample")),
        (
            EEG,
            {"effective_hz": None, "wanted": False},
            ("warning", "declares 250 Hz and sends no sample"),
        ),
        (
            EEG,
            {"health": SourceHealth(gaps=2, lost_samples=30)},
            ("warning", "declares 250 Hz, sends 250.0 Hz; 2 gaps, about 30 samples lost"),
        ),
        (
            StreamSpec("Eyes", (Channel("x"),), 0.0),
            {"modality": Modality.EYE, "effective_hz": 60.0},
            ("note", "declares an irregular rate, sends 60.0 Hz"),
        ),
    ],
)
def test_rates(spec: StreamSpec, what: dict[str, object], expected: tuple[str, str]) -> None:
    assert said(look_at_rates(measured(spec, **what))) == [expected]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "made_up", "state", "found"),
    [
        (("1", "2"), True, "problem", "the device names none of its 2 channels"),
        (("FP1", "FP1"), False, "warning", "more than one channel is called FP1"),
        (("left", "right"), False, "problem", "none of the names is that of an electrode: left"),
    ],
)
def test_labels(labels: tuple[str, ...], made_up: bool, state: str, found: str) -> None:
    spec = StreamSpec("Amp", tuple(map(Channel, labels)), 250.0, synthesised_labels=made_up)
    finding = only(look_at_labels(measured(spec)))
    assert (finding.state, finding.found[: len(found)]) == (state, found)


@pytest.mark.parametrize(
    ("unit", "state", "found"),
    [
        ("", "warning", "microvolts are assumed for FP1 (unit: none)"),
        ("widgets", "problem", f"{NOT_USED} FP1 (unit: widgets)"),
        ("counts", "problem", f"{NOT_USED} FP1 (unit: counts)"),
        ("V", "ok", "V"),
    ],
)
def test_units(unit: str, state: str, found: str) -> None:
    spec = StreamSpec("Amp", (Channel("FP1", unit=unit),), 250.0)
    assert said(look_at_units(measured(spec))) == [(state, found)]


def test_what_a_device_preset_knows_counts() -> None:
    """Neuroscan sends counts without names; its preset scales them, and knows its caps."""
    channels = tuple(Channel(str(i)) for i in range(1, 67))
    facts = (("channel_format", "int32"), ("resolusion", "0.1"))
    spec = StreamSpec("NeuroScan", channels, 1000.0, "EEG", synthesised_labels=True, facts=facts)

    nameless = only(look_at_labels(measured(spec)))
    assert nameless.state == "problem"
    assert ",preset=neuroscan" in nameless.fix

    told = measured(replace(spec, preset="neuroscan"))
    assert only(look_at_labels(told)).state == "ok"
    assert "Neuroscan" in only(look_at_labels(told)).found
    assert only(look_at_units(told)).state == "ok"

    unscaled = measured(replace(spec, preset="neuroscan", facts=facts[:1]))
    assert only(look_at_units(unscaled)).state == "problem"


def test_units_of_gaze_are_only_said() -> None:
    spec = StreamSpec("Eyes", (Channel("x", unit="px"), Channel("pupil")), 120.0)
    assert said(look_at_units(measured(spec, modality=Modality.EYE))) == [("ok", "none, px")]


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (SourceHealth(), ("ok", "no clock of its own that is known")),
        (SourceHealth(0.5, 2e-4), ("ok", "offset +500.00 ms, uncertain by 0.20 ms")),
        (SourceHealth(-0.5, 2e-2), ("warning", "offset -500.00 ms, uncertain by 20.00 ms")),
    ],
)
def test_clocks_of_senders(health: SourceHealth, expected: tuple[str, str]) -> None:
    own, theirs = said(look_at_clocks(measured(EEG, health=health)))
    assert own == ("ok", "0.010 ms apart")
    assert theirs == expected


def test_a_clock_that_is_not_liblsls_is_a_warning() -> None:
    finding = look_at_clocks(a_visit(network=FakeNetwork(apart_s=0.1)))[0]
    assert (finding.state, finding.found) == ("warning", "100.000 ms apart")
