"""The `quality` frame: about once a second, right after its prediction, small, and counted."""

import json
from dataclasses import replace
from math import floor, log10

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import check_frame
from support.quality_rates import EEG, EYE, windows
from support.service import FakeResult, a_prediction

from hadua.adapters.features.band_power import BandPower
from hadua.models.features import FeatureWindow, Modality
from hadua.models.prediction import Abstention, ModalityState, Prediction
from hadua.models.quality import EegQuality, EyeQuality, EyeState, GazeQuality, SignalQuality
from hadua.service.engine import Timed
from hadua.service.hub import Hub
from hadua.service.journal import MemoryJournal
from hadua.service.metrics import Metrics
from hadua.service.publisher import Publisher
from hadua.service.quality_frame import bands_part, quality_frame, shortened
from hadua.service.wire import PredictionFrame, QualityFrame, encode


def publisher(metrics: Metrics | None = None) -> Publisher:
    return Publisher(
        "a",
        epoch=3,
        journal=MemoryJournal(capacity=100),
        hub=Hub(),
        metrics=metrics or Metrics(),
        clock=lambda: 100.0,
        unix_clock=lambda: 5000.0,
    )


def signal(faults: str = "", *, at: int = -1) -> dict[Modality, SignalQuality]:
    """The quality of one window of a simulated person."""
    eeg: FeatureWindow = windows(EEG, seconds=8.0, faults=faults)[at]
    eye: FeatureWindow = windows(EYE, seconds=8.0, faults=faults)[at]
    assert eeg.signal is not None
    assert eye.signal is not None
    return {EEG: eeg.signal, EYE: eye.signal}


def say(
    voice: Publisher, prediction: Prediction, quality: dict[Modality, SignalQuality] | None = None
) -> None:
    result = FakeResult(prediction, quality=quality or {})
    voice.prediction(Timed(result, 99.9, 99.9, 99.9), clock_uncertainty_ms=None)


def said(voice: Publisher) -> list[dict[str, object]]:
    return [json.loads(item.text) for item in voice.journal.after(0)]


def test_it_follows_its_prediction_about_once_a_second() -> None:
    voice, quality = publisher(), signal()
    for k in range(7):
        say(voice, a_prediction(10.0 + 0.5 * k), quality)

    types = [f["type"] for f in said(voice)]
    assert types == ["prediction", "quality", "prediction"] * 3 + ["prediction", "quality"]
    assert [f["seq"] for f in said(voice)] == list(range(1, 12))
    assert [f["end_s"] for f in said(voice) if f["type"] == "quality"] == [10.0, 11.0, 12.0, 13.0]
    assert voice.last_quality is not None
    assert voice.last_quality.end_s == 13.0


def test_without_signal_nothing_is_said_of_its_quality() -> None:
    voice = publisher()
    say(voice, a_prediction(10.0))

    assert [f["type"] for f in said(voice)] == ["prediction"]
    assert voice.last_quality is None


def test_every_channel_and_both_eyes_are_in_it() -> None:
    voice = publisher()
    say(voice, a_prediction(10.0), signal("railed:CZ@2;line:O1@2*80;eye-lost:left@2"))

    frame = said(voice)[1]
    check_frame(json.dumps(frame))
    assert (frame["session_id"], frame["epoch"], frame["start_s"]) == ("a", 3, 9.0)
    eeg = msgspec.json.decode(json.dumps(frame), type=QualityFrame).eeg
    assert eeg is not None
    assert len(eeg.names) == len(eeg.states) == 62
    by_name = dict(zip(eeg.names, eeg.states, strict=True))
    assert {name for name, state in by_name.items() if state != "good"} == {"CZ", "O1"}
    assert eeg.flags == {"CZ": ("railed",), "O1": ("line",)}
    assert set(eeg.interpolated) == {"CZ", "O1"}
    hum = dict(zip(eeg.names, eeg.numbers["line_uv"], strict=True))
    assert hum["O1"] == pytest.approx(80.0, rel=0.05)
    assert set(eeg.numbers) == {
        *("eeg_uv", "line_uv", "noise_uv", "jump_uv_per_ms", "clipped_share", "correlation")
    }
    eye = msgspec.json.decode(json.dumps(frame), type=QualityFrame).eye
    assert eye is not None
    assert (eye.left.state, eye.right.state) == ("lost", "good")


def test_numbers_that_were_not_measured_are_null_and_none_is_ever_infinite() -> None:
    voice = publisher()
    say(voice, a_prediction(10.0), signal("nan:CZ@2;inf:PZ@2;eye-lost@2"))

    text = encode(voice.last_quality) if voice.last_quality else ""
    frame = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    cz = frame["eeg"]["names"].index("CZ")
    assert frame["eeg"]["numbers"]["eeg_uv"][cz] is None
    assert frame["eye"]["left"]["on_screen"] is None


def test_a_full_cap_takes_less_than_four_kilobytes() -> None:
    voice = publisher()
    say(voice, a_prediction(10.0), signal())

    assert voice.last_quality is not None
    assert len(encode(voice.last_quality)) < 4_000


def test_band_power_by_region_is_in_it_and_small() -> None:
    window = windows(EEG, seconds=8.0, faults="flat:O1@2")[-1]
    assert window.signal is not None
    voice = publisher()
    result = FakeResult(a_prediction(10.0), quality={EEG: window.signal}, windows={EEG: window})
    voice.prediction(Timed(result, 99.9, 99.9, 99.9), clock_uncertainty_ms=None)

    frame = said(voice)[1]
    check_frame(json.dumps(frame))
    bands = msgspec.json.decode(json.dumps(frame), type=QualityFrame).bands
    assert bands is not None
    assert bands.names == ("delta", "theta", "alpha", "beta", "gamma")
    assert bands.low_hz == (1.0, 4.0, 8.0, 14.0, 31.0)
    assert bands.high_hz == (4.0, 8.0, 14.0, 31.0, 50.0)
    assert (bands.channels["head"], bands.channels["occipital"]) == (61, 11)
    assert all(x is not None and 0.01 < x < 1e4 for x in bands.power_uv2["head"])
    assert len(encode(bands)) < 500


def test_where_nothing_was_measured_there_is_no_band_power() -> None:
    voice = publisher()
    say(voice, a_prediction(10.0), signal())
    assert voice.last_quality is not None
    assert voice.last_quality.bands is None

    nobody = BandPower(("alpha",), ((8.0, 14.0),), {"head": 0}, {"head": np.array([np.nan])})
    assert bands_part(nobody).power_uv2 == {"head": (None,)}


def test_a_modality_without_signal_is_null() -> None:
    voice = publisher()
    say(voice, a_prediction(10.0), {EYE: signal()[EYE]})

    assert voice.last_quality is not None
    assert voice.last_quality.eeg is None
    assert voice.last_quality.eye is not None


def test_channels_that_the_stream_lacks_are_missing() -> None:
    nothing = np.zeros(1, np.bool_)
    quality = EegQuality(
        names=("CZ", "PZ"),
        positions=np.array([1]),
        flags=np.zeros((1, 7), np.bool_),
        noisy=nothing,
        bad=nothing,
        interpolated=np.array([True, False]),
        numbers={"eeg_uv": np.array([0.0])},
    )
    eyes = (
        EyeQuality("left", EyeState.GOOD, 1.0, 1.0),
        EyeQuality("right", EyeState.LOST, 0, None),
    )
    answer = an_answer()

    frame = quality_frame(answer, {EEG: quality, EYE: GazeQuality(eyes, 0.1, 0.25)}, seq=5)

    assert frame.eeg is not None
    assert frame.eeg.states == ("missing", "good")
    assert frame.eeg.interpolated == ("CZ",)
    assert frame.eeg.numbers == {"eeg_uv": (None, 0.0)}
    check_frame(encode(frame))


def an_answer() -> PredictionFrame:
    voice = publisher()
    say(voice, a_prediction(1.0))
    return msgspec.json.decode(voice.journal.after(0)[0].text, type=PredictionFrame)


def test_what_quality_does_to_answers_is_counted() -> None:
    metrics = Metrics()
    voice = publisher(metrics)
    masked = {"eeg": ModalityState.MASKED, "eye": ModalityState.USED}
    say(voice, replace(a_prediction(1.0), interpolated=("CZ", "PZ")))
    say(voice, replace(a_prediction(2.0), modalities=masked))
    for cause in (Abstention.POOR_SIGNAL, Abstention.POOR_SIGNAL, Abstention.LOW_CONFIDENCE):
        say(voice, replace(a_prediction(3.0), label=None, abstained=True, abstention=cause))

    text = metrics.text().decode()
    assert "hadua_windows_interpolated_total 1.0" in text
    assert 'hadua_windows_masked_total{modality="eeg"} 1.0' in text
    assert 'hadua_abstained_total{reason="poor-signal"} 2.0' in text
    assert 'hadua_abstained_total{reason="low-confidence"} 1.0' in text


def test_a_prediction_frame_says_who_was_interpolated_and_why_there_is_no_label() -> None:
    voice = publisher()
    prediction = replace(
        a_prediction(1.0),
        interpolated=("CZ",),
        left_out=("FP1",),
        abstention=Abstention.POOR_SIGNAL,
    )
    say(voice, prediction)

    frame = said(voice)[0]
    check_frame(json.dumps(frame))
    assert (frame["interpolated"], frame["left_out"]) == (["CZ"], ["FP1"])
    assert frame["abstention"] == "poor-signal"


@given(st.lists(st.floats(-1e20, 1e20, allow_subnormal=False), max_size=20))
def test_numbers_have_three_digits_as_python_rounds_them(values: list[float]) -> None:
    """Within one unit of the third digit where it is a tie, of which either side may be taken."""
    x = np.array([v if v == 0.0 or abs(v) > 1e-19 else 0.0 for v in values])
    for value, short in zip(x.tolist(), shortened(x), strict=True):
        assert short is not None
        assert float(f"{short:.3g}") == short
        assert abs(short - value) <= 0.500001 * 10.0 ** (
            floor(log10(abs(value))) - 2 if value else 0
        )


def test_what_was_not_measured_is_none_and_a_boundary_keeps_its_digits() -> None:
    x = np.array([np.nan, np.inf, 0.0, -0.0, 1234.5, 0.00123456, 999.6, 1000.0, -3.14159])
    assert shortened(x) == [None, None, 0.0, 0.0, 1230.0, 0.00123, 1000.0, 1000.0, -3.14]


def test_states_and_flags_are_those_of_the_channels() -> None:
    quality = signal("railed:CZ@2;line:O1@2*80")[EEG]
    assert isinstance(quality, EegQuality)
    channels = quality.channels()

    assert quality.states() == [c.state for c in channels]
    assert quality.flagged() == {c.name: c.flags for c in channels if c.flags}
    assert {"CZ", "O1"} <= set(quality.flagged())
    for name, values in quality.numbers_in_order().items():
        known = [c.numbers.get(name) for c in channels]
        assert [None if np.isnan(v) else v for v in values.tolist()] == known
