from dataclasses import replace

import pytest
from support.eeg_signals import eeg_stream

from hadua.adapters.devices.gaze import map_gaze
from hadua.adapters.devices.identity import MappingIdentity, mapping_identity
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.models.features import Modality

MUSE = replace(eeg_stream("TP9", "AF7", "AF8", "TP10"), source_id="a", facts=(("hostname", "pc"),))


def identity(stream: StreamSpec, *channels: str) -> MappingIdentity:
    report = map_eeg(stream, channels or ("TP9", "AF7", "AF8", "TP10")).report.to_dict()
    return mapping_identity(stream, report, modality=Modality.EEG)


def test_the_same_device_mapped_the_same_is_the_same() -> None:
    assert identity(MUSE) == identity(replace(MUSE))


@pytest.mark.parametrize(
    "change",
    [{"name": "Muse-2"}, {"type": "eeg2"}, {"source_id": "b"}, {"facts": (("hostname", "pc2"),)}],
)
def test_another_sender_is_another_device(change: dict[str, str]) -> None:
    other = identity(replace(MUSE, **change))  # type: ignore[arg-type]
    assert other.device != identity(MUSE).device
    assert other.key != identity(MUSE).key


@pytest.mark.parametrize(
    "other",
    [
        replace(MUSE, rate_hz=500.0),
        replace(MUSE, channels=(*MUSE.channels[:3], Channel("TP10", "EEG", "mV"))),
        replace(MUSE, channels=MUSE.channels[::-1]),
        replace(MUSE, preset="muse"),
    ],
)
def test_the_same_device_with_other_channels_is_to_be_confirmed_again(other: StreamSpec) -> None:
    same = identity(other)
    assert same.device == identity(MUSE).device
    assert (same.key == identity(MUSE).key) == (other.preset == "muse")  # it was taken for one


def test_another_model_is_another_mapping() -> None:
    assert identity(MUSE, "TP9", "CZ").key != identity(MUSE).key


def test_gaze_that_is_seen_on_another_screen_is_another_mapping() -> None:
    stream = StreamSpec("x", (Channel("left_x"), Channel("left_y")), 60.0, "Gaze")
    keys = {
        mapping_identity(
            stream, map_gaze(stream, screen=screen).report.to_dict(), modality=Modality.EYE
        ).key
        for screen in (Screen(), Screen(distance_mm=500.0), Screen())
    }
    assert len(keys) == 2
