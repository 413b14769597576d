"""`LslSource` against real senders: found, ambiguous, odd, frozen, gone."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pylsl
import pytest
from support.lsl_outlets import IndexOutlet, frozen, sender_process

from hadua.adapters.sources import lsl_discovery, lsl_lookout
from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.lsl_library import within
from hadua.adapters.sources.lsl_network import Hearing, Outlet
from hadua.adapters.sources.registry import list_streams, parse_source
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.errors import (
    StreamAmbiguousError,
    StreamInvalidError,
    StreamLostError,
    StreamNotFoundError,
    UsageError,
)
from hadua.models.features import Modality

OPEN_S = 6.0
SETTLE_S = lsl_discovery._SETTLE_S


@pytest.fixture(autouse=True)
def _short_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests know that there is no second stream, but those that have one."""
    monkeypatch.setattr(lsl_discovery, "_SETTLE_S", 0.02)


@contextmanager
def opened(**query: str) -> Iterator[tuple[LslSource, StreamSpec]]:
    source = LslSource(query, description=f"lsl:{query}")
    try:
        yield source, source.open(OPEN_S)
    finally:
        source.close()


def collect(source: LslSource, n: int) -> list[SampleChunk]:
    """Chunks until `n` samples have come or five seconds have passed."""
    chunks: list[SampleChunk] = []
    deadline_s = time.monotonic() + 5.0
    while sum(map(len, chunks)) < n and time.monotonic() < deadline_s:
        chunk = source.read(0.2)
        if chunk is not None:
            chunks.append(chunk)
    return chunks


def test_samples_arrive_whole_with_labels_and_time(unique: str) -> None:
    labels = ("index", "TP9", "AF7", "TP10")
    outlet = IndexOutlet(
        unique, channels=[{"label": s, "unit": "microvolts", "type": "EEG"} for s in labels]
    )
    with opened(name=unique) as (source, spec):
        base_s = pylsl.local_clock()
        for i in range(1, 11):
            outlet.push(25, newest_s=base_s + i * 25 / 250.0)
        chunks = collect(source, 250)

        assert spec.labels == labels
        assert spec.rate_hz == 250.0
        assert spec.channels[1].unit == "microvolts"
        x = np.concatenate([c.x for c in chunks])
        assert x[:, 0].tolist() == list(range(250))
        expected_s = base_s + np.arange(1, 251) / 250.0
        health = source.health()
        assert np.abs(np.concatenate([c.t_s for c in chunks]) - expected_s).max() < 5e-3
        assert health.samples == 250
        assert health.gaps == health.lost_samples == 0
        assert abs(health.clock_offset_s) < 5e-3
        assert health.clock_uncertainty_s is not None
        assert 0.0 <= health.clock_uncertainty_s < 5e-3


def test_a_read_takes_what_is_there_and_does_not_wait_for_more(unique: str) -> None:
    outlet = IndexOutlet(unique)
    with opened(name=unique) as (source, _):
        outlet.push(3)
        started_s = time.monotonic()
        chunk = source.read(30.0)

        assert chunk is not None
        assert time.monotonic() - started_s < 15.0
        assert 1 <= len(chunk) <= 3


def test_a_source_does_not_rest_while_more_waits_than_it_takes_at_once(unique: str) -> None:
    """liblsl drops silently what nobody pulls: a reader that rested then would lose it."""
    outlet = IndexOutlet(unique)
    with opened(name=unique) as (source, _):
        outlet.push(1)
        assert sum(map(len, collect(source, 1))) == 1
        rested = [source.rests]
        outlet.push(300, newest_s=pylsl.local_clock() + 1.2)
        time.sleep(0.3)
        while source.health().samples < 301:
            assert collect(source, 1)
            rested.append(source.rests)
        assert rested[:2] == [True, False]
        assert rested[-1]
        assert source.health().samples == 301


def test_a_gap_splits_the_chunk(unique: str) -> None:
    outlet = IndexOutlet(unique)
    with opened(name=unique) as (source, _):
        base_s = pylsl.local_clock()
        outlet.push(100, newest_s=base_s)
        outlet.push(100, newest_s=base_s + 5.0)
        chunks = collect(source, 200)

        assert [c.x[0, 0] for c in chunks if c.gap_before] == [100.0]
        assert all(np.ptp(c.t_s) < 1.0 for c in chunks)
        assert source.health().gaps == 1
        assert abs(source.health().lost_samples - 1150) <= 5


def test_nan_and_infinity_come_through_as_they_are(unique: str) -> None:
    outlet = IndexOutlet(unique, count=3)
    with opened(name=unique) as (source, _):
        outlet.push_values([[np.nan, np.inf, -np.inf]], newest_s=pylsl.local_clock())
        (chunk,) = collect(source, 1)

        assert np.array_equal(chunk.x, [[np.nan, np.inf, -np.inf]], equal_nan=True)


@pytest.mark.parametrize("format", ["int16", "int32", "double64"])
def test_every_numeric_format_becomes_float64(unique: str, format: str) -> None:
    outlet = IndexOutlet(unique, format=format)
    with opened(name=unique) as (source, _):
        outlet.push(10)
        chunks = collect(source, 10)

        assert all(c.x.dtype == np.float64 for c in chunks)
        assert np.concatenate([c.x for c in chunks])[:, 0].tolist() == list(range(10))


def test_what_is_odd_about_a_tracker_is_noted(unique: str) -> None:
    outlet = IndexOutlet(
        unique,
        type="Gaze",
        count=3,
        rate_hz=0.0,
        channels=[{"label": "x", "metatype": "ScreenX", "eye": "left"}, {"label": "y"}],
        extra={"screen_width": "1920", "screen_height": "1080"},
    )
    with opened(name=unique, type="gAZE") as (source, spec):
        assert outlet.sent == 0
        assert spec.rate_hz == 0.0
        assert spec.labels == ("x", "y", "3")
        assert (spec.channels[0].kind, spec.channels[0].eye) == ("ScreenX", "left")
        assert spec.screen_px == (1920.0, 1080.0)
        assert source.health().notes == (
            "describes 2 channels but sends 3: the last 1 are numbered",
        )


def test_none_found_names_those_that_are_there(unique: str) -> None:
    outlet = IndexOutlet(unique)
    source = LslSource({"name": "no-such"}, description="lsl:name=no-such")
    with pytest.raises(StreamNotFoundError, match=rf"(?s)'lsl:name=no-such'.*'{unique}'.*firewall"):
        source.open(1.0)
    source.close()
    assert outlet.sent == 0


def test_two_found_says_how_to_pick_each(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsl_discovery, "_SETTLE_S", SETTLE_S)
    outlets = [IndexOutlet(unique, source_id=f"{unique}-{i}") for i in range(2)]
    source = LslSource({"name": unique}, description="lsl")
    with pytest.raises(StreamAmbiguousError, match=r"2 LSL streams") as raised:
        source.open(OPEN_S)

    for outlet in outlets:
        text = f"lsl:name={unique},source_id={outlet.source_id}"
        assert text in str(raised.value) or f"lsl:source_id={outlet.source_id}" in str(raised.value)
        picked = parse_source(text, modality=Modality.EEG)
        assert picked.open(OPEN_S).source_id == outlet.source_id
        picked.close()


def test_two_that_cannot_be_told_apart(unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsl_discovery, "_SETTLE_S", SETTLE_S)
    outlets = [IndexOutlet(unique, source_id="same") for _ in range(2)]
    source = LslSource({"name": unique}, description="lsl")
    with pytest.raises(StreamAmbiguousError, match=r"cannot be told apart"):
        source.open(OPEN_S)
    assert len(outlets) == 2


@pytest.mark.parametrize(
    ("format", "kind", "rate_hz", "modality", "message"),
    [
        ("string", "EEG", 250.0, Modality.EEG, r"samples that are strings"),
        ("float32", "EEG", 0.0, None, r"got 0 Hz \(irregular\)"),
        ("float32", "Signal", 0.0, Modality.EEG, r"got 0 Hz \(irregular\)"),
        ("float32", "Gaze", 3e5, Modality.EYE, r"nominal rate: got '300000"),
    ],
)
def test_streams_that_cannot_be_used(
    unique: str, format: str, kind: str, rate_hz: float, modality: Modality | None, message: str
) -> None:
    info = pylsl.StreamInfo(unique, kind, 2, rate_hz, format, unique)
    outlet = pylsl.StreamOutlet(info, max_buffered=1)
    source = LslSource({"name": unique}, description="lsl", modality=modality)
    with pytest.raises(StreamInvalidError, match=message):
        source.open(OPEN_S)
    source.close()
    del outlet


def test_list_streams_gives_texts_that_open(unique: str) -> None:
    outlets = [IndexOutlet(unique, type="EEG"), IndexOutlet(unique, type="Gaze", rate_hz=0.0)]
    mine = [s for s in list_streams(1.0) if s.name == unique]

    assert [(s.type, s.rate_hz, s.n_channels) for s in mine] == [("EEG", 250.0, 4), ("Gaze", 0, 4)]
    for summary in mine:
        source = parse_source(summary.source, modality=Modality.EYE)
        assert source.open(OPEN_S).type == summary.type
        source.close()
    assert len(outlets) == 2


@pytest.mark.parametrize("query", [{}, {"nmae": "x"}, {"name": ""}])
def test_a_query_that_cannot_be(query: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"expected one or more of name, type, source_id"):
        LslSource(query, description="lsl")


def test_a_frozen_sender_blocks_nothing(unique: str) -> None:
    """Open, read, health and close come back although the peer says nothing any more."""
    slack_s = 2.0
    with sender_process(unique) as process, opened(name=unique) as (source, _):
        assert collect(source, 50)
        with frozen(process):
            while source.read(0.05) is not None:
                pass
            started_s = time.monotonic()
            assert source.read(0.3) is None
            source.health()
            source.close()
            assert time.monotonic() - started_s < 0.3 + slack_s

            started_s = time.monotonic()
            with pytest.raises(StreamNotFoundError, match=r"no LSL stream for"):
                source.open(1.0)
            assert time.monotonic() - started_s < 1.0 + slack_s
        source.open(OPEN_S)
        assert collect(source, 50)


def test_a_sender_that_freezes_while_it_is_opened(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sender_process(unique) as process:
        real = lsl_discovery.find

        def find_and_freeze(
            query: Mapping[str, str], *, network: Hearing, timeout_s: float
        ) -> Outlet:
            found = real(query, network=network, timeout_s=timeout_s)
            os.kill(process.pid, signal.SIGSTOP)
            return found

        monkeypatch.setattr(lsl_lookout, "find", find_and_freeze)
        source = LslSource({"name": unique}, description="lsl")
        started_s = time.monotonic()
        with pytest.raises(StreamNotFoundError, match=r"was found but does not send its samples"):
            source.open(1.5)
        assert time.monotonic() - started_s < 4.0
        source.close()


def test_a_call_that_hangs_is_left_behind() -> None:
    late = StreamLostError("too late")
    with pytest.raises(StreamLostError, match=r"too late"):
        within(0.05, lambda: time.sleep(0.3), late=late)
    assert within(1.0, lambda: 5, late=late) == 5
    with pytest.raises(OSError, match=r"broken"):
        within(1.0, _broken, late=late)


def _broken() -> None:
    raise OSError("broken")


def test_samples_of_a_live_sender_are_fresh(unique: str) -> None:
    with sender_process(unique, rate_hz=500.0) as _, opened(name=unique) as (source, _spec):
        chunks = collect(source, 600)
        age_s = lsl_now_s() - chunks[-1].t_s[-1]

        k = np.concatenate([c.x for c in chunks])[:, 0]
        assert (np.diff(k) == 1).all()
        assert -0.01 < age_s < 2.0
