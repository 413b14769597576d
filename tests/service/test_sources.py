"""SOURCE texts as a live service takes them."""

import pytest

from hadua.models.errors import UsageError
from hadua.models.features import Modality
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
