"""A stream that goes and comes back: what `LslSource` says, and what it reads then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pylsl
import pytest
from support.lsl_outlets import IndexOutlet, frozen, sender_process

from hadua.adapters.sources import lsl, lsl_discovery
from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.errors import (
    StreamAmbiguousError,
    StreamLostError,
    StreamNotFoundError,
    StreamSilentError,
)

OPEN_S = 6.0
PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def _short_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsl_discovery, "_SETTLE_S", 0.02)


@contextmanager
def opened(**query: str) -> Iterator[LslSource]:
    source = LslSource(query, description=f"lsl:{query}")
    try:
        source.open(OPEN_S)
        yield source
    finally:
        source.close()


def collect(source: LslSource, n: int) -> list[SampleChunk]:
    """Chunks until `n` samples have come."""
    chunks: list[SampleChunk] = []
    deadline_s = time.monotonic() + PATIENCE_S
    while sum(map(len, chunks)) < n and time.monotonic() < deadline_s:
        if (chunk := source.read(0.2)) is not None:
            chunks.append(chunk)
    assert sum(map(len, chunks)) >= n
    return chunks


def read_until_lost(source: LslSource) -> tuple[StreamLostError, float]:
    """What `read` raises, and how many seconds it took."""
    started_s = time.monotonic()
    while time.monotonic() < started_s + PATIENCE_S:
        try:
            source.read(0.1)
        except StreamLostError as error:
            return error, time.monotonic() - started_s
    raise AssertionError("it was not noticed")


def open_again(source: LslSource) -> StreamSpec:
    """`open`, in short attempts as a reader makes them, until it succeeds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            return source.open(2.0)
        except StreamNotFoundError:
            continue
    raise AssertionError("it was not found again")


def read_until(source: LslSource, what: str, wanted: object) -> SourceHealth:
    """Read until the health says so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while getattr(health := source.health(), what) != wanted:
        assert time.monotonic() < deadline_s, health
        source.read(0.05)
    return health


def index(chunks: list[SampleChunk]) -> list[int]:
    return [round(v) for c in chunks for v in c.x[:, 0].tolist()]


def test_a_sender_that_is_killed_is_lost_at_once_and_found_when_it_is_started_again(
    unique: str,
) -> None:
    with opened_sender(unique) as source:
        with sender_process(unique) as process:
            first = source.open(OPEN_S)
            before = collect(source, 100)
            process.kill()
            error, took_s = read_until_lost(source)
            assert took_s < 1.0
            assert source.health().answers is False
            with pytest.raises(StreamLostError, match=r"has closed the connection"):
                source.read(0.1)
            with pytest.raises(StreamNotFoundError, match=r"no LSL stream for"):
                source.open(1.0)
        with sender_process(unique):
            again = open_again(source)
            after = collect(source, 100)

    assert "has closed the connection" in str(error)
    assert not isinstance(error, StreamSilentError)
    assert again is first
    assert index(before) == list(range(index(before)[0], index(before)[-1] + 1))
    assert [c.gap_before for c in after] == [True] + [False] * (len(after) - 1)
    assert after[0].t_s[0] > before[-1].t_s[-1]
    assert source.health().gaps == 1


@contextmanager
def opened_sender(unique: str) -> Iterator[LslSource]:
    source = LslSource({"name": unique}, description=f"lsl:name={unique}")
    try:
        yield source
    finally:
        source.close()


def test_a_sender_that_freezes_is_missed_and_what_it_sends_afterwards_is_not_lost(
    unique: str,
) -> None:
    with sender_process(unique) as process, opened(name=unique) as source:
        before = collect(source, 100)
        with frozen(process):
            started_s = time.monotonic()
            while source.health().answers:
                before += [c for c in [source.read(0.1)] if c is not None]
            assert time.monotonic() - started_s < 5.0
            assert source.read(0.1) is None
        after = collect(source, 500)
        read_until(source, "answers", True)

    numbers = index(before + after)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert not any(c.gap_before for c in after)


@pytest.mark.parametrize(
    ("changed", "rate_hz", "count", "labels"),
    [
        ("rate", 500.0, 4, ()),
        ("channels", 250.0, 6, ()),
        ("labels", 250.0, 4, ("index", "CZ", "PZ", "OZ")),
    ],
)
def test_a_stream_that_comes_back_changed_is_seen_to_be(
    unique: str, changed: str, rate_hz: float, count: int, labels: tuple[str, ...]
) -> None:
    outlet = IndexOutlet(unique)
    with opened(source_id=f"id-{unique}") as source:
        first = source.open(OPEN_S)
        outlet.push(100)
        before = collect(source, 100)
        del outlet
        read_until_lost(source)
        outlet = IndexOutlet(
            unique, rate_hz=rate_hz, count=count, channels=[{"label": s} for s in labels]
        )
        again = open_again(source)
        outlet.push(200)
        after = collect(source, 200)

    assert changed
    assert again != first
    assert (again.rate_hz, len(again.channels)) == (rate_hz, count)
    assert again.labels == (labels or tuple(str(i + 1) for i in range(count)))
    assert all(c.spec is again for c in after)
    assert len(before[0].spec.channels) == 4


def test_a_second_sender_with_the_same_id_is_counted_and_takes_nothing_over(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsl, "_RENEW_AFTER_S", 100.0)
    one = IndexOutlet(unique)
    with opened(name=unique) as source:
        two = IndexOutlet(unique)
        started_s = time.monotonic()
        read_until(source, "twins", 1)
        assert time.monotonic() - started_s < 2.5
        two.push(100)
        one.push(100)
        (chunk,) = collect(source, 100)
        assert source.health().samples == 100 == len(chunk)

        del one  # then the other one is what is left
        read_until_lost(source)
        open_again(source)
        two.push(100, newest_s=pylsl.local_clock() + 0.5)  # none from before the last one
        assert index(collect(source, 100)) == list(range(100, 200))
        read_until(source, "twins", 0)


def test_that_a_killed_twin_has_gone_is_known_before_the_resolver_knows(unique: str) -> None:
    one = IndexOutlet(unique)
    with opened(name=unique) as source:
        with sender_process(unique) as process:
            read_until(source, "twins", 1)
            process.kill()
            process.wait(10.0)
            killed_s = time.monotonic()
            while source.health().twins:
                assert time.monotonic() < killed_s + 2.0  # the resolver takes three
                one.push(10)
                source.read(0.05)
        read_until(source, "answers", True)


def test_two_that_come_back_with_one_id_are_not_chosen_from(unique: str) -> None:
    outlet = IndexOutlet(unique)
    with opened(name=unique) as source:
        del outlet
        read_until_lost(source)
        two = [IndexOutlet(unique) for _ in range(2)]
        assert len(pylsl.resolve_byprop("name", unique, minimum=2, timeout=PATIENCE_S)) == 2
        time.sleep(2.0)  # the source has heard of both by then, too
        with pytest.raises(StreamAmbiguousError, match=r"cannot be told apart"):
            open_again(source)
        assert len(two) == 2


def test_the_next_booths_stream_is_not_taken_for_one_that_is_gone(unique: str) -> None:
    mine = IndexOutlet(unique, type=f"EEG-{unique}", source_id="mine")
    with opened(type=f"EEG-{unique}") as source:
        del mine
        read_until_lost(source)
        theirs = IndexOutlet(f"{unique}-2", type=f"EEG-{unique}", source_id="theirs")
        deadline_s = time.monotonic() + 3.0
        while time.monotonic() < deadline_s:
            with pytest.raises(StreamNotFoundError, match=rf"'{theirs.name}'|no stream at all"):
                source.open(1.0)


def test_a_sender_that_answers_and_sends_nothing_is_connected_to_anew(
    unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsl, "_RENEW_AFTER_S", 1.0)
    outlet = IndexOutlet(unique)
    with opened(name=unique) as source:
        error, took_s = read_until_lost(source)
        assert isinstance(error, StreamSilentError)
        assert "answers, but sends nothing" in str(error)
        assert took_s >= 0.9
        source.open(OPEN_S)
        error, took_s = read_until_lost(source)
        assert took_s >= 1.9  # each time it waits twice as long
        source.open(OPEN_S)
        outlet.push(100)
        collect(source, 100)


def test_a_buffer_that_was_full_is_noticed(unique: str) -> None:
    """Sent sample by sample: in a block liblsl stamps the first only, and counts on from there."""
    outlet = IndexOutlet(unique)
    source = LslSource({"name": unique}, description="lsl", max_buffer_s=1.0)
    source.open(OPEN_S)
    base_s = pylsl.local_clock() - 5.0
    for k in range(100):
        outlet.push(1, newest_s=base_s + k / 250.0)
    collect(source, 100)
    for k in range(100, 1100):  # four seconds, of which the buffers keep one or two
        outlet.push(1, newest_s=base_s + k / 250.0)
        if k == 1000:
            time.sleep(0.2)
    chunks = collect(source, 100)
    health = source.health()
    source.close()

    numbers, t_s = index(chunks), np.concatenate([c.t_s for c in chunks])
    assert chunks[0].gap_before
    assert (health.gaps, health.overflows) == (1, 1)
    assert numbers[0] > 200
    assert health.lost_samples == pytest.approx(numbers[0] - 100, abs=2)
    assert np.abs(t_s - base_s - np.array(numbers) / 250.0).max() < 1e-3


def test_stamps_of_another_clock_are_noted(unique: str) -> None:
    outlet = IndexOutlet(unique)
    with opened(name=unique) as source:
        outlet.push(100, newest_s=1.7e9)
        collect(source, 100)
        (note,) = (n for n in source.health().notes if "no other stream lines up" in n)
        assert "s after this computer's time" in note
