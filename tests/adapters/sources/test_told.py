import pytest

from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.adapters.sources.told import NOTHING_TOLD, Told, told
from hadua.models.errors import StreamInvalidError, UsageError
from hadua.models.features import Modality

STREAM = StreamSpec(
    "x", (Channel("1", "EEG", "uV"), Channel("2", "EEG", "uV")), 250.0, synthesised_labels=True
)


def test_nothing_told_changes_nothing() -> None:
    assert NOTHING_TOLD.about(STREAM) is STREAM


def test_labels_name_the_channels_and_leave_some_out() -> None:
    spec = Told(labels=("Fp1", "")).about(STREAM)

    assert spec.labels == ("Fp1", "2")
    assert spec.channels[0].unit == "uV"
    assert spec.channels[1].kind == "not used"
    assert not spec.synthesised_labels


def test_another_number_of_labels_is_refused() -> None:
    with pytest.raises(StreamInvalidError, match=r"got 3 labels, expected 2.*labels=Fp1"):
        Told(labels=("A", "B", "C")).about(STREAM)


def test_it_is_written_as_it_is_read() -> None:
    options = {"preset": "openbci", "labels": "Fp1/ Fp2 /", "name": "x"}
    said = told(options)
    assert said == Told("openbci", ("Fp1", "Fp2", ""))
    assert options == {"name": "x"}
    assert str(said) == ",preset=openbci,labels=Fp1/Fp2/"


@pytest.mark.parametrize(
    "text",
    [
        "lsl:name=a,preset=muse",
        "file:a.xdf,preset=muse,labels=TP9/AF7",
        "fieldtrip:localhost:1972,preset=neuroscan",
    ],
)
def test_every_kind_of_source_takes_a_preset(text: str) -> None:
    parse_source(text, modality=Modality.EEG)


@pytest.mark.parametrize(
    ("text", "modality", "match"),
    [
        ("lsl:name=a,preset=nonesuch", Modality.EEG, "'nonesuch'.*openbci"),
        ("lsl:name=a,preset=tittalsl", Modality.EEG, "Tobii through TittaLSL.* for eeg"),
        ("lsl:type=EEG,preset=muse", Modality.EYE, "for eye"),
        ("lsl:preset=muse", Modality.EEG, "no key"),
    ],
)
def test_a_preset_that_cannot_be_is_refused(text: str, modality: Modality, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        parse_source(text, modality=modality)
