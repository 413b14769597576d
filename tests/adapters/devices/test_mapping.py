import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import MUSE_LABELS, eeg_stream

from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import InvalidInputError

MUSE_MODEL = ("TP9", "AF7", "AF8", "TP10")


@given(order=st.permutations(SEED_62), keep=st.integers(1, 62))
@settings(max_examples=40, deadline=None)
def test_any_cap_is_mapped_by_name(order: list[str], keep: int) -> None:
    worn = [label.capitalize() for label in order[:keep]]
    value = {name: float(k) for k, name in enumerate(SEED_62)}

    mapping = map_eeg(eeg_stream(*worn), SEED_62)
    x_uv = mapping.apply(np.array([[value[label.upper()] for label in worn]]))

    expected = [value[name] if name in order[:keep] else np.nan for name in SEED_62]
    np.testing.assert_array_equal(x_uv[0], expected)
    assert mapping.report.coverage == keep / 62
    assert set(mapping.report.missing) == set(order[keep:])


def test_units_are_taken_channel_by_channel() -> None:
    units = ("mV", "V", "\u00b5V", "nV")
    channels = tuple(Channel(c, unit=u) for c, u in zip(MUSE_MODEL, units, strict=True))
    mapping = map_eeg(StreamSpec("x", channels, 256.0), MUSE_MODEL)

    np.testing.assert_allclose(mapping.apply(np.ones((2, 4))), [[1e3, 1e6, 1.0, 1e-3]] * 2)
    assert mapping.report.assumed_units == ()


def test_a_muse_leaves_its_auxiliary_channel_out() -> None:
    report = map_eeg(eeg_stream(*MUSE_LABELS), MUSE_MODEL).report

    assert report.coverage == 1.0
    assert [(u.label, u.reason) for u in report.unused] == [("Right AUX", "not EEG (type 'EEG')")]
    assert report.summary() == "Stream 'test' has 4 of the model's 4 EEG channels."


def test_a_muse_covers_none_of_62_and_says_so() -> None:
    report = map_eeg(eeg_stream(*MUSE_LABELS), SEED_62).report

    assert report.coverage == 0.0
    assert report.unused[0].reason == "the model does not use it"
    assert "0 of the model's 62" in report.summary()
    assert "TP9, AF7" in report.summary()


@pytest.mark.parametrize(
    "label",
    ["Right AUX", "AUX1", "TRIGGER", "Trig", "STI 014", "Status", "Markers", "Marker0", "MARKER",
     "SampleCounter", "COUNTER", "Counter", "Timestamp", "VEO", "HEO", "VEOG", "EOG-L", "ECG",
     "EMG1", "ACC_X", "GyroY", "Battery"],
)  # fmt: skip
def test_what_is_not_eeg_is_named_as_such(label: str) -> None:
    report = map_eeg(eeg_stream("CZ", label), ("CZ",)).report

    assert [u.label for u in report.unused] == [label]
    assert report.unused[0].reason.startswith("not EEG")


def test_a_channel_of_another_kind_is_not_taken_for_its_name() -> None:
    stream = StreamSpec("x", (Channel("CZ", kind="AUX"), Channel("PZ", kind="EEG")), 256.0)

    report = map_eeg(stream, ("CZ", "PZ")).report

    assert report.missing == ("CZ",)
    assert report.unused[0].reason == "not EEG (type 'AUX')"


def test_names_that_were_made_up_are_never_used_even_where_the_number_fits() -> None:
    stream = eeg_stream(*SEED_62, synthesised=True)

    mapping = map_eeg(stream, SEED_62)

    assert mapping.report.coverage == 0.0
    assert "name the channels in the outlet" in mapping.report.summary()
    assert np.isnan(mapping.apply(np.ones((3, 62)))).all()


@pytest.mark.parametrize("unit", ["", "unknown", "furlongs"])
def test_a_unit_that_is_not_known_is_assumed_aloud(unit: str) -> None:
    mapping = map_eeg(eeg_stream(*MUSE_MODEL, unit=unit), MUSE_MODEL)

    assert mapping.report.assumed_units == MUSE_MODEL
    assert "Microvolts were assumed for TP9, AF7, AF8, TP10." in mapping.report.summary()
    np.testing.assert_array_equal(mapping.apply(np.full((1, 4), 7.0)), [[7.0] * 4])


def test_counts_are_not_microvolts() -> None:
    report = map_eeg(eeg_stream(*MUSE_MODEL, unit="counts"), MUSE_MODEL).report

    assert report.coverage == 0.0
    assert "raw counts" in report.summary()
    assert "microvolts per count are not known" in report.unused[0].reason


def test_the_second_channel_of_one_place_is_left_out() -> None:
    report = map_eeg(eeg_stream("T3", "T7"), ("T7",)).report

    assert [c.label for c in report.found] == ["T3"]
    assert report.unused[0].reason == "a second channel for T7; the first, 'T3', is used"


def test_the_report_is_plain_json() -> None:
    report = map_eeg(eeg_stream("Fp1", "CZ", "AUX"), ("FP1", "FP2")).report

    plain = json.loads(json.dumps(report.to_dict()))

    assert plain["coverage"] == 0.5
    assert plain["missing"] == ["FP2"]
    assert plain["found"][0]["label"] == "Fp1"
    assert plain["summary"] == report.summary()


def test_every_device_channel_is_accounted_for() -> None:
    stream = eeg_stream("Fp1", "AUX 7", "17", "TP10", "O1-O2", "fp1", "T3")
    report = map_eeg(stream, SEED_62).report

    columns = [c.column for c in report.found] + [u.column for u in report.unused]
    assert sorted(columns) == list(range(7))


def test_a_transposed_block_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"got shape \(5, 9\), expected \(n, 4\).*transp"):
        map_eeg(eeg_stream(*MUSE_MODEL), MUSE_MODEL).apply(np.ones((5, 9)))


def test_a_model_that_names_one_place_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 names, 1 places"):
        map_eeg(eeg_stream("T3"), ("T3", "T7"))
