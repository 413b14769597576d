"""What the settings want of streams, and what of a stream differs from it."""

from pathlib import Path

import pytest
from support.doctor import FakeNetwork, a_visit, said
from support.service import settings_for_tests

from hadua.adapters.sources.source import Channel, StreamSpec
from hadua.adapters.sources.stream_summary import StreamSummary
from hadua.models.errors import UsageError
from hadua.models.features import Modality
from hadua.service.config import load_settings
from hadua.service.doctor.expected import look_at_expected
from hadua.service.doctor.visit import Measured
from hadua.service.expected import ExpectedStream
from hadua.service.wanted import wanted_streams
from hadua.service.watch import StreamState

SPEC = StreamSpec("Amp", (Channel("Fp1"), Channel("Cz")), 500.0, "EEG", "a1")
TOML = """
eeg = "lsl:name=Amp"
markers = ["lsl:type=Markers"]

[[expect]]
role = "eeg"
rate_hz = 1000
channels = 64
labels = ["FP1", "O1"]

[[expect]]
role = "gaze"
name = "Tobii"
required = false
"""


def test_a_file_says_which_streams_a_session_needs(tmp_path: Path) -> None:
    path = tmp_path / "hadua.toml"
    path.write_text(TOML, encoding="utf-8")

    wanted = wanted_streams(load_settings({}, config=path))

    assert [(w.role, w.text, w.required) for w in wanted] == [
        ("eeg", "lsl:name=Amp", True),
        ("gaze", "lsl:name=Tobii", False),
        ("markers", "lsl:type=Markers", False),
    ]
    assert wanted[0].expected is not None
    assert str(wanted[0].expected) == "eeg, 1000 Hz, 64 channels, FP1, O1"


def test_a_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hadua.toml"
    path.write_text('[[expect]]\nrole = "eeg"\nrate = 1000\n', encoding="utf-8")

    with pytest.raises(UsageError, match="expect"):
        load_settings({}, config=path)


@pytest.mark.parametrize(
    ("wishes", "differences"),
    [
        ({"rate_hz": 500.0, "channels": 2, "labels": ("FP1", "cz")}, []),
        ({"rate_hz": 1000.0}, ["declares 500 Hz, 1000 are expected"]),
        ({"channels": 3}, ["has 2 channels, 3 are expected"]),
        ({"labels": ("O1", "FP1")}, ["lacks channels that are expected: O1"]),
    ],
)
def test_what_differs(wishes: dict[str, object], differences: list[str]) -> None:
    expected = ExpectedStream.model_validate({"role": "eeg", **wishes})

    told = list(expected.differs(SPEC))

    assert [found for found, _ in told] == differences
    assert all(fix for _, fix in told)


@pytest.mark.parametrize(("required", "state"), [(True, "problem"), (False, "warning")])
def test_a_stream_that_is_not_as_expected(required: bool, state: str) -> None:
    expected = ExpectedStream.model_validate(
        {"role": "eeg", "rate_hz": 1000.0, "required": required}
    )
    visit = a_visit()
    visit.measured = (
        Measured("lsl:x", Modality.EEG, True, SPEC, required=required, expected=expected),
    )

    assert said(look_at_expected(visit)) == [(state, "declares 500 Hz, 1000 are expected")]


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (StreamState.LOST, "problem", "lost: no samples for 12.3 s"),
        (StreamState.STALE, "problem", "stale: no samples for 12.3 s"),
        (StreamState.CHANGED, "warning", "250 Hz instead of 500"),
    ],
)
def test_a_stream_of_a_running_session_that_is_gone(
    state: StreamState, level: str, words: str
) -> None:
    visit = a_visit()
    stream = Measured("lsl:x", Modality.EEG, True, SPEC, state=state, age_s=12.34)
    visit.measured = (replace_error(stream, "250 Hz instead of 500"),)

    assert said(look_at_expected(visit)) == [(level, words)]


def replace_error(stream: Measured, error: str) -> Measured:
    return Measured(
        stream.text, stream.modality, True, stream.spec, error, state=stream.state,
        age_s=stream.age_s,
    )  # fmt: skip


def test_markers_are_there_or_are_missed() -> None:
    visit = a_visit(network=FakeNetwork())
    visit.settings = settings_for_tests(markers=("lsl:name=PsychoPy", "lsl:type=markers", "x"))
    visit.listed = (StreamSummary("Keys", "Markers", "k", "lab", 1, 0.0, "lsl:name=Keys"),)

    told = said(look_at_expected(visit))

    assert told[:2] == [("warning", "no such marker stream"), ("ok", "there: 'Keys'")]
    assert told[2][0] == "warning"
    assert "lsl:KEY=VALUE" in told[2][1]
