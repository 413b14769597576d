"""The preset files, and that a stream is taken for the right device."""

import re
from dataclasses import replace

import mne
import numpy as np
import pytest

from hadua.adapters.devices.completion import MIN_SHARE
from hadua.adapters.devices.described import describe
from hadua.adapters.devices.electrodes import has_place
from hadua.adapters.devices.gaze import map_gaze
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.devices.preset import Preset, parse_preset
from hadua.adapters.devices.preset_library import preset_named, preset_of, presets
from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.errors import UsageError
from hadua.models.features import Modality

CYTON = StreamSpec(
    "obci_eeg1",
    tuple(Channel(str(i)) for i in range(1, 9)),
    250.0,
    "EEG",
    "openbcigui",
    synthesised_labels=True,
)


def biosemi(n: int, *, exg: int = 2) -> StreamSpec:
    names = [f"{'ABCDEFGH'[i // 32]}{1 + i % 32}" for i in range(n)]
    channels = (
        Channel("Trig1", "Trigger", "microvolts"),
        *(Channel(name, "EEG", "microvolts") for name in names),
        *(Channel(f"EX{i}", "EXG", "microvolts") for i in range(1, exg + 1)),
    )
    return StreamSpec("BioSemi", channels, 512.0, "EEG", "host")


@pytest.mark.parametrize("preset", presets().values(), ids=list(presets()))
def test_every_preset_says_what_it_is_and_where_its_facts_are_from(preset: Preset) -> None:
    assert preset.title
    assert preset.source
    assert preset.notes
    assert all(note.endswith(".") for note in preset.notes)
    assert preset.modalities
    assert bool(preset.recognise) == (preset.name != "generic")
    for look in preset.recognise:
        assert look.weight > 0
        texts = (look.name, look.type, look.source_id, *look.labels, *(look.facts or {}).values())
        for pattern in texts:
            re.compile(pattern)
    for layout in preset.layouts:
        assert all(not label or has_place(label) for label in layout.labels), layout.title
        assert not layout.own or len(layout.own) == len(layout.labels)


def test_a_key_that_is_misspelt_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ChannelRule: unknown keys \['rolle'\]"):
        parse_preset("x", 'modalities = ["eeg"]\n[[channels]]\nrolle = "eeg"\n')


def test_a_stream_that_looks_like_none_is_generic() -> None:
    stream = StreamSpec("mine", (Channel("CZ"),), 250.0, "EEG")
    assert preset_of(stream, modality=Modality.EEG).name == "generic"


def test_the_operators_word_goes_before_the_looks() -> None:
    assert preset_of(CYTON).name == "openbci"
    assert preset_of(replace(CYTON, preset="generic")).name == "generic"
    with pytest.raises(UsageError, match=r"'tobi'.*tobii-pro"):
        preset_named("tobi")


def test_electrodes_are_never_guessed_but_taken_from_a_cap_that_was_named() -> None:
    plain = map_eeg(CYTON, SEED_62).report
    asked = map_eeg(replace(CYTON, preset="openbci"), SEED_62).report

    assert plain.coverage == 0.0
    assert "Ultracortex Mark IV, Cyton (8)" in plain.summary()
    assert ",preset=openbci" in plain.summary()
    assert [c.name for c in asked.found] == ["FP1", "FP2", "C3", "C4", "P7", "P8", "O1", "O2"]
    assert {c.label for c in asked.found} == set("12345678")
    assert asked.assumed_units == ()  # the preset knows that they are microvolts
    assert "named after the Ultracortex Mark IV, Cyton (8)" in asked.summary()


@pytest.mark.parametrize(("n", "found"), [(32, 31), (64, 59)])
def test_a_biosemi_cap_is_known_by_its_own_names(n: int, found: int) -> None:
    report = map_eeg(biosemi(n), SEED_62).report

    by_name = {c.name: c.label for c in report.found}
    assert by_name["FP1"] == "A1"
    assert by_name["CZ"] == ("A32" if n == 32 else "B16")
    assert len(report.found) >= found - 6
    assert report.preset == "biosemi-abc"
    assert report.layout == f"BioSemi's cap of {n}"
    assert report.reference.startswith("none")
    reasons = {u.label: u.reason for u in report.unused}
    assert "no EEG electrode" in reasons["Trig1"]
    assert "no EEG electrode" in reasons["EX1"]


def test_c3_of_a_biosemi_cap_of_128_is_not_central() -> None:
    report = map_eeg(biosemi(128), SEED_62).report
    assert report.coverage == 0.0
    assert {u.reason for u in report.unused if u.label == "C3"} == {
        "not EEG: a place of BioSemi's caps of 128 and more, which are not known here"
    }


def test_a_biosemi_that_names_electrodes_is_believed() -> None:
    stream = StreamSpec("BioSemi", tuple(Channel(n, "EEG", "uV") for n in SEED_62), 512.0, "EEG")
    report = map_eeg(stream, SEED_62).report
    assert (report.preset, report.coverage) == ("biosemi", 1.0)


def test_a_count_is_scaled_by_what_the_header_says_and_refused_otherwise() -> None:
    channels = tuple(Channel(str(i)) for i in range(1, 65))
    stream = StreamSpec("Neuroscan", channels, 1000.0, "EEG", synthesised_labels=True)
    asked = replace(stream, preset="neuroscan")
    facts = (("channel_format", "int32"), ("resolusion", "0.5"))

    scaled = map_eeg(replace(asked, facts=facts), SEED_62)
    bare = map_eeg(replace(asked, facts=facts[:1]), SEED_62).report

    assert scaled.report.coverage == 1.0
    np.testing.assert_array_equal(scaled.apply(np.full((1, 64), 8.0)), np.full((1, 62), 4.0))
    assert bare.coverage == 0.0
    assert "raw counts" in bare.summary()


def test_integers_of_which_nobody_says_what_one_is_are_no_microvolts() -> None:
    stream = StreamSpec("x", (Channel("CZ"),), 250.0, "EEG", facts=(("channel_format", "int16"),))
    assert map_eeg(stream, ("CZ",)).report.coverage == 0.0


def test_a_device_for_eeg_is_not_looked_for_among_eye_trackers() -> None:
    stream = StreamSpec("Muse", (Channel("TP9"), Channel("AF7")), 256.0, "EEG")
    assert describe(stream, modality=Modality.EYE).preset.modalities != (Modality.EEG,)
    assert map_gaze(stream, screen=Screen()).report.coverage == 0.0


def test_the_least_share_is_stated() -> None:
    assert MIN_SHARE == 0.5


@pytest.mark.parametrize(("title", "montage"), [("32", "biosemi32"), ("64", "biosemi64")])
def test_the_caps_of_biosemi_are_those_that_mne_knows(title: str, montage: str) -> None:
    layouts = {x.title: x for x in preset_named("biosemi-abc").layouts}
    known = mne.channels.make_standard_montage(montage).ch_names
    assert list(layouts[f"BioSemi's cap of {title}"].labels) == known
