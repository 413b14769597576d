"""Stream headers as devices really send them."""

import pytest

from hadua.adapters.sources.source import Channel
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.models.errors import StreamInvalidError


def header(
    channels: str = "",
    *,
    count: str = "2",
    rate: str = "250",
    kind: str = "EEG",
    format: str = "float32",
    desc: str = "",
) -> str:
    return (
        f"<info><name>dev</name><type>{kind}</type><channel_count>{count}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{format}</channel_format>"
        f"<source_id>s1</source_id><desc><channels>{channels}</channels>{desc}</desc></info>"
    )


def named(*labels: str) -> str:
    return "".join(f"<channel><label>{label}</label></channel>" for label in labels)


def test_everything_that_is_said_is_read() -> None:
    gaze = (
        "<channel><label>left_x</label><eye>Left</eye><type>ScreenX</type><unit>normalized</unit>"
        "<coordinate_system>image-space</coordinate_system></channel>"
        "<channel><label>left_pupil</label><metatype>Diameter</metatype><unit>mm</unit></channel>"
    )
    info = parse_stream_info(header(gaze, rate="119.95", kind="Gaze"))

    assert info.spec.channels == (
        Channel("left_x", "ScreenX", "normalized", "left", "image-space"),
        Channel("left_pupil", "Diameter", "mm"),
    )
    assert (info.spec.name, info.spec.type, info.spec.source_id) == ("dev", "Gaze", "s1")
    assert info.spec.rate_hz == 119.95
    assert not info.spec.synthesised_labels
    assert info.notes == ()


@pytest.mark.parametrize("described", ["", named("", ""), "<channel><unit>uV</unit></channel>"])
def test_a_stream_without_labels_is_numbered(described: str) -> None:
    info = parse_stream_info(header(described))

    assert info.spec.labels == ("1", "2")
    assert info.spec.synthesised_labels
    assert any("names none of its 2 channels" in note for note in info.notes)


def test_fewer_described_than_sent() -> None:
    """TittaLSL sends 37 values and describes 36."""
    info = parse_stream_info(header(named(*(f"c{i}" for i in range(36))), count="37"))

    assert info.spec.labels == (*(f"c{i}" for i in range(36)), "37")
    assert not info.spec.synthesised_labels
    assert info.notes == ("describes 36 channels but sends 37: the last 1 are numbered",)


def test_more_described_than_sent() -> None:
    info = parse_stream_info(header(named("a", "b", "c")))

    assert info.spec.labels == ("a", "b")
    assert "describes 3 channels but sends 2" in info.notes[0]


def test_doubled_and_blank_labels_are_noted() -> None:
    assert parse_stream_info(header(named("a", "a"))).notes == ("names more than one channel 'a'",)
    info = parse_stream_info(header(named("a", "")))
    assert info.spec.labels == ("a", "2")
    assert info.notes == ("does not name channel 2: numbered",)


@pytest.mark.parametrize(
    "desc",
    [
        "<display><resolution_primary><X>1920</X><Y>1080</Y></resolution_primary></display>",
        "<screen_width>1920</screen_width><screen_height>1080</screen_height>",
        "<setup><screen><width>1920</width><height>1080</height></screen></setup>",
    ],
)
def test_the_screen_is_read_where_it_is_said(desc: str) -> None:
    assert parse_stream_info(header(desc=desc)).spec.screen_px == (1920.0, 1080.0)


@pytest.mark.parametrize("desc", ["", "<screen_width>wide</screen_width>"])
def test_no_screen_is_made_up(desc: str) -> None:
    assert parse_stream_info(header(desc=desc)).spec.screen_px is None


def test_rate_0_is_for_gaze() -> None:
    assert parse_stream_info(header(rate="0", kind="gaze")).spec.rate_hz == 0.0
    with pytest.raises(StreamInvalidError, match=r"got 0 Hz \(irregular\).*Set the sampling rate"):
        parse_stream_info(header(rate="0", kind="eeg"))
    with pytest.raises(StreamInvalidError, match=r"got 0 Hz \(irregular\)"):
        parse_stream_info(header(rate="0", kind="Signal"), regular=True)


@pytest.mark.parametrize("rate", ["-1", "nan", "inf", "1e9", "", "fast"])
def test_a_rate_that_cannot_be(rate: str) -> None:
    with pytest.raises(StreamInvalidError, match=r"stream 'dev': nominal rate: got '.*' Hz"):
        parse_stream_info(header(rate=rate, kind="Gaze"))


def test_strings_are_refused() -> None:
    with pytest.raises(StreamInvalidError, match=r"samples that are strings.*marker stream"):
        parse_stream_info(header(format="string"))


@pytest.mark.parametrize("count", ["0", "-2", "", "x", "4097", "999999999", "9" * 5000])
def test_a_number_of_channels_that_cannot_be(count: str) -> None:
    with pytest.raises(StreamInvalidError, match=r"channel count: got '.*', expected 1 to 4096"):
        parse_stream_info(header(count=count))


def test_not_xml() -> None:
    with pytest.raises(StreamInvalidError, match=r"stream header cannot be read"):
        parse_stream_info("<info>")
