"""SOURCE texts as a live service takes them."""

import pytest
from support.service import settings_for_tests

from hadua.models.errors import UsageError
from hadua.models.features import Modality
from hadua.service.assembly import source_parser
from hadua.service.sources import live_source


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("file:rec.xdf", "file:rec.xdf,stream=eeg,speed=1"),
        ("file:rec.xdf,speed=4", "file:rec.xdf,stream=eeg,speed=4"),
        ("lsl:type=EEG", "lsl:type=EEG"),
    ],
)
def test_a_file_plays_in_real_time_unless_it_names_a_speed(text: str, description: str) -> None:
    assert live_source(text, modality=Modality.EEG).description == description


@pytest.mark.parametrize("text", ["file:notes.md", "file:", "file:rec.xdf,sped=1"])
def test_an_error_quotes_what_was_typed_and_no_more(text: str) -> None:
    with pytest.raises(UsageError, match=rf"^source '{text}': got"):
        live_source(text, modality=Modality.EEG)


@pytest.mark.parametrize(
    ("text", "modality", "description"),
    [
        ("lsl:type=EEG", Modality.EEG, "lsl:type=EEG,lag_ms=12"),
        ("lsl:type=EEG,lag_ms=3", Modality.EEG, "lsl:type=EEG,lag_ms=3"),
        ("lsl:type=Gaze", Modality.EYE, "lsl:type=Gaze,lag_ms=-4.5"),
        ("file:a.xdf", Modality.EYE, "file:a.xdf,stream=gaze,speed=1"),
        ("sim:", Modality.EEG, "sim:"),
    ],
)
def test_a_lag_of_the_settings_is_that_of_a_live_device(
    text: str, modality: Modality, description: str
) -> None:
    parse = source_parser(settings_for_tests(eeg_lag_ms=12.0, gaze_lag_ms=-4.5))
    assert parse(text, modality=modality).description == description


def test_without_one_the_text_is_left_alone() -> None:
    text, parse = "lsl:type=EEG", source_parser(settings_for_tests())
    assert parse(text, modality=Modality.EEG).description == text
