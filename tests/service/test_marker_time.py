"""A marker lies where its sender says, by whichever clock."""

import pytest
from pydantic import ValidationError

from hadua.service.marker_time import MarkerTime, marker_time
from hadua.service.requests import PostMarker

GOOD = {"asked_s": 10.0, "received_s": 110.5, "replied_s": 110.5, "heard_s": 11.0}
BAD = {"asked_s": 0.0, "received_s": 109.0, "replied_s": 109.0, "heard_s": 10.0}


@pytest.mark.parametrize(
    ("body", "time"),
    [
        ({}, MarkerTime(500.0)),
        ({"t_s": 123.0}, MarkerTime(123.0)),
        ({"client_s": 20.0, "exchanges": [GOOD]}, MarkerTime(120.0, 100.0, 0.5)),
        ({"client_s": 20.0, "exchanges": [BAD, GOOD, BAD]}, MarkerTime(120.0, 100.0, 0.5)),
    ],
)
def test_when_it_happened(body: dict[str, object], time: MarkerTime) -> None:
    marker = PostMarker.model_validate({"text": "go", **body})
    assert marker_time(marker, now_s=500.0) == time


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"t_s": 1.0, "client_s": 1.0, "exchanges": [GOOD]}, "not both"),
        ({"client_s": 1.0}, "both or neither"),
        ({"exchanges": [GOOD]}, "both or neither"),
        ({"text": ""}, "at least 1 character"),
        ({"text": "a\nb"}, "pattern"),
        ({"t_s": float("nan")}, "finite"),
    ],
)
def test_what_cannot_be(body: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PostMarker.model_validate({"text": "go", **body})
