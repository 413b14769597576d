import json

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import MUSE_LABELS, eeg_stream

from hadua.adapters.devices.electrodes import electrode_positions
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

    report = mapping.report
    filled = {c.name for c in report.interpolated}
    for name, x in zip(SEED_62, x_uv[0], strict=True):
        assert x == value[name] if name in order[:keep] else np.isnan(x) == (name not in filled)
    assert keep / 62 <= report.coverage <= 1.0
    assert {*report.missing, *filled} == set(order[keep:])
    assert not filled & set(report.missing)


TEN_TWENTY = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T3", "C3", "Cz", "C4", "T4"),
    *("T5", "P3", "Pz", "P4", "T6", "O1", "O2"),
)
EMOTIV = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")


@pytest.mark.parametrize(
    ("worn", "low", "high"),
    [(TEN_TWENTY, 0.8, 0.9), (EMOTIV, 0.4, 0.55), (("TP7", "AF3", "AF4", "TP8"), 0.06, 0.2)],
)
def test_coverage_counts_what_interpolation_is_expected_to_give_back(
    worn: tuple[str, ...], low: float, high: float
) -> None:
    """19 electrodes do for a model that asks for 0.8 of 62; 14 and four do not."""
    report = map_eeg(eeg_stream(*worn), SEED_62).report

    assert low < report.coverage < high
    assert report.coverage < (len(worn) + len(report.interpolated)) / 62
    assert "Interpolated: " in report.summary()


def test_an_interpolated_channel_is_what_mne_would_have_put_there() -> None:
    """Through the mapping, in the device's own order and unit."""
    rng = np.random.default_rng(5)
    places = electrode_positions(SEED_62)
    field = np.exp(-4.0 * (1.0 - places @ places[::9].T)) @ rng.standard_normal((7, 50))
    worn = [name for name in SEED_62 if name not in ("CZ", "P3", "AF4")][::-1]
    mapping = map_eeg(eeg_stream(*worn, unit="mV"), SEED_62)

    x_uv = mapping.apply(1e-3 * field[[SEED_62.index(name) for name in worn]].T)

    info = mne.create_info(list(SEED_62), 200.0, "eeg")
    raw = mne.io.RawArray(1e-6 * field, info, verbose="error")
    sphere = {name: 0.09 * p for name, p in zip(SEED_62, places, strict=True)}
    raw.set_montage(mne.channels.make_dig_montage(sphere, coord_frame="head"))
    raw.info["bads"] = ["CZ", "P3", "AF4"]
    raw.interpolate_bads(origin=(0.0, 0.0, 0.0), verbose="error")
    np.testing.assert_allclose(x_uv, 1e6 * raw.get_data().T, atol=1e-6)


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
    assert "Name them in the outlet, or in its SOURCE" in mapping.report.summary()
    assert np.isnan(mapping.apply(np.ones((3, 62)))).all()


@pytest.mark.parametrize("unit", ["", "unknown", "N/A"])
def test_a_unit_that_is_not_said_is_assumed_aloud(unit: str) -> None:
    mapping = map_eeg(eeg_stream(*MUSE_MODEL, unit=unit), MUSE_MODEL)

    assert mapping.report.assumed_units == MUSE_MODEL
    assert "Microvolts were assumed for TP9, AF7, AF8, TP10." in mapping.report.summary()
    np.testing.assert_array_equal(mapping.apply(np.full((1, 4), 7.0)), [[7.0] * 4])


def test_a_unit_that_is_said_but_not_known_is_refused() -> None:
    report = map_eeg(eeg_stream(*MUSE_MODEL, unit="furlongs"), MUSE_MODEL).report

    assert report.coverage == 0.0
    assert "'furlongs'" in report.unused[0].reason
    assert "not understood" in report.summary()


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
