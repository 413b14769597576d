"""Marker streams of real outlets: strings, numbers, one channel or several, on our clock."""

import time
from collections.abc import Sequence

import pylsl
import pytest
from support.lsl_outlets import IndexOutlet

from hadua.adapters.sources.lsl_markers import (
    MarkerFinder,
    MarkerInlet,
    marker_text,
    parse_markers,
)
from hadua.adapters.sources.lsl_outlet import OutletSpec, open_outlet
from hadua.adapters.sources.source import Marker
from hadua.models.errors import StreamLostError, UsageError

TIMEOUT_S = 10.0


def outlet(name: str, *, kind: str = "string", rate_hz: float = 0.0) -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, rate_hz, kind, f"id-{name}"))


def found(query: dict[str, str], *, n: int = 1) -> list[pylsl.StreamInfo]:
    finder = MarkerFinder([query])
    deadline_s = time.monotonic() + TIMEOUT_S
    while len(infos := finder.found()) < n and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return list(infos.values())


def read(inlet: MarkerInlet, n: int) -> list[Marker]:
    got: list[Marker] = []
    deadline_s = time.monotonic() + TIMEOUT_S
    while len(got) < n and time.monotonic() < deadline_s:
        got += inlet.read(0.2)
    return got


def opened(name: str) -> MarkerInlet:
    (info,) = found({"name": name})
    inlet = MarkerInlet(info)
    inlet.open(TIMEOUT_S)
    return inlet


def test_strings_come_as_they_are_with_their_own_stamps(unique: str) -> None:
    sender = outlet(unique)
    inlet = opened(unique)
    now_s = pylsl.local_clock()
    texts = ["stimulus=happy", "Übung; 3", " spaced "]
    for k, text in enumerate(texts):
        sender.push_sample([text], now_s + k)
    got = read(inlet, 3)
    inlet.close()
    assert [m.text for m in got] == [text.strip() for text in texts]
    assert [m.source for m in got] == [unique] * 3
    assert [m.t_s - now_s for m in got] == pytest.approx([0.0, 1.0, 2.0], abs=0.002)
    assert inlet.clock.uncertainty_s is not None
    assert abs(inlet.clock.offset_s) < 0.002


def test_numbers_are_texts_and_minus_one_is_none(unique: str) -> None:
    sender = outlet(unique, kind="double64")
    inlet = opened(unique)
    for value in (-1.0, 7.0, -1.0, 0.0, 2.5, float("nan"), 7.0, 7.0):
        sender.push_sample([value])
    got = read(inlet, 5)
    inlet.close()
    assert [m.text for m in got] == ["7", "0", "2.5", "7", "7"]


def test_a_constant_rate_says_each_marker_once(unique: str) -> None:
    sender = outlet(unique, kind="int32", rate_hz=100.0)
    inlet = opened(unique)
    start_s = pylsl.local_clock()
    values = [-1, -1, 5, 5, 5, -1, 5, 6, 0, 0]
    for k, value in enumerate(values):
        sender.push_sample([value], start_s + k / 100.0)
    got = read(inlet, 3)
    inlet.close()
    assert [(m.text, round((m.t_s - start_s) * 100)) for m in got] == [("5", 2), ("5", 6), ("6", 7)]


def test_a_sender_that_is_gone_is_lost(unique: str) -> None:
    sender = outlet(unique)
    inlet = opened(unique)
    del sender
    with pytest.raises(StreamLostError, match="is gone"):
        read(inlet, 1)
    inlet.close()
    with pytest.raises(StreamLostError, match="is not open"):
        inlet.read(0.0)


def test_what_a_service_sends_is_never_taken_in(unique: str) -> None:
    ours = open_outlet(OutletSpec(f"{unique}-ours", "Markers", f"{unique}:markers"))
    theirs = outlet(unique)
    other = IndexOutlet(f"{unique}-eeg")
    finder, names = MarkerFinder([{"type": "Markers"}]), set[str]()
    deadline_s = time.monotonic() + TIMEOUT_S
    while unique not in names and time.monotonic() < deadline_s:  # others' may be there, too
        names = {info.name() for info in finder.found().values()}
        time.sleep(0.02)
    del ours, theirs, other
    assert unique in names
    assert f"{unique}-ours" not in names
    assert f"{unique}-eeg" not in names


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ([""], ""),
        (["a", ""], "a"),
        (["a", "é"], '["a", "é"]'),
        ([3.0, 4.5], '["3", "4.5"]'),
        ([-1.0, 4.0], "4"),
    ],
)
def test_several_channels_are_one_text(row: Sequence[str | float], text: str) -> None:
    assert marker_text(row) == text


def test_a_text_names_the_streams() -> None:
    assert parse_markers("lsl:type=Markers,name=PsychoPy") == {
        "type": "Markers",
        "name": "PsychoPy",
    }


@pytest.mark.parametrize(
    "text", ["", "lsl:", "lsl:type", "lsl:kind=Markers", "file:a.xdf", "Markers"]
)
def test_a_text_that_names_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"markers {text!r}: expected .*lsl:type=Markers"):
        parse_markers(text)
