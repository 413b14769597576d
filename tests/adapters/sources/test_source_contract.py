"""What every `Source` promises, asked of every one of them."""

import inspect
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
import pylsl
import pytest
from support.fieldtrip_server import buffer, header, names, samples
from support.lsl_outlets import IndexOutlet
from support.muse_files import HEADER as MUSE_HEADER
from support.xdf_writer import XdfStream, write_xdf

import hadua.adapters
from hadua.adapters.datasets.recorded_streams import RecordedSource
from hadua.adapters.sources import lsl_discovery
from hadua.adapters.sources.fieldtrip import FieldTripSource
from hadua.adapters.sources.lsl import LslSource
from hadua.adapters.sources.replay import ChunkReplaySource, XdfSource
from hadua.adapters.sources.simulator import SimulatorSource, make_source
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, Source, StreamSpec
from hadua.models.errors import HaduaError
from hadua.models.features import Modality

RATE_HZ = 250.0
N = 500
SLACK_S = 2.0


@dataclass(frozen=True)
class Case:
    """A source, and whether its channel 0 is the sample's own number, 0 to N - 1."""

    source: Source
    counts: bool = True
    start: Callable[[], None] = lambda: None


class Maker(Protocol):
    def __call__(self, folder: Path, unique: str) -> Iterator[Case]: ...


def index_block() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.stack([np.arange(N, dtype=np.float64), np.full(N, 3.0)], axis=1)


def lsl(folder: Path, unique: str) -> Iterator[Case]:
    """A real outlet in this process; it sends in chunks of 20 once the source is open."""
    outlet = IndexOutlet(unique, rate_hz=RATE_HZ, count=2)

    def send() -> None:
        first_s = pylsl.local_clock() - N / RATE_HZ
        while outlet.sent < N:
            outlet.push(20, newest_s=first_s + (outlet.sent + 20) / RATE_HZ)

    yield Case(LslSource({"name": unique}, description=f"lsl:name={unique}"), start=send)


def xdf(folder: Path, unique: str) -> Iterator[Case]:
    """A file that the test writes."""
    path = folder / f"{unique}.xdf"
    stamps = 50.0 + np.arange(N) / RATE_HZ
    write_xdf(path, [XdfStream("Amp", "EEG", RATE_HZ, stamps, index_block(), ("k", "c"))])
    yield Case(XdfSource(path, stream="eeg"))


def fieldtrip(folder: Path, unique: str) -> Iterator[Case]:
    """A buffer of our own; it gets blocks of 20 once the source is open."""
    with buffer() as server:
        server.put_header(header(2, RATE_HZ, "f8", chunks=[names(["k", "c"])]))
        block = index_block()

        def send() -> None:
            for start in range(0, N, 20):
                server.put_data(samples(block[start : start + 20]))

        source = FieldTripSource(
            "127.0.0.1", server.port, description=server.source, modality=Modality.EEG
        )
        yield Case(source, start=send)


def recorded(folder: Path, unique: str) -> Iterator[Case]:
    """A Muse's file that the test writes; its stamps are rounded to 1 ms."""
    path = folder / f"{unique}.csv"
    rows = (f"{100.0 + k / 256.0:.3f},{k},3,3,3,3,0" for k in range(N))
    path.write_text("\n".join([MUSE_HEADER, *rows]))
    yield Case(RecordedSource(path, modality=Modality.EEG))


def chunk_replay(folder: Path, unique: str) -> Iterator[Case]:
    """Chunks that another source delivered."""
    (case,) = xdf(folder, unique)
    with opened(case) as (source, spec):
        received = list(chunks(source, N))
    yield Case(ChunkReplaySource(spec, received))


def simulator(modality: Modality) -> Maker:
    def make(folder: Path, unique: str) -> Iterator[Case]:
        options = {"speed": "none", "duration": "2"}
        yield Case(make_source(options, modality=modality), counts=False)

    return make


MAKERS: dict[str, tuple[type[Source], Maker]] = {
    "lsl": (LslSource, lsl),
    "xdf": (XdfSource, xdf),
    "fieldtrip": (FieldTripSource, fieldtrip),
    "recorded": (RecordedSource, recorded),
    "chunk-replay": (ChunkReplaySource, chunk_replay),
    "simulator-eeg": (SimulatorSource, simulator(Modality.EEG)),
    "simulator-gaze": (SimulatorSource, simulator(Modality.EYE)),
}


@pytest.fixture(autouse=True)
def _short_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no second stream of a name that only one test has."""
    monkeypatch.setattr(lsl_discovery, "_SETTLE_S", 0.02)


@pytest.fixture(params=MAKERS)
def case(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[Case]:
    for made in MAKERS[request.param][1](tmp_path, unique):
        yield made
        made.source.close()


@contextmanager
def opened(case: Case) -> Iterator[tuple[Source, StreamSpec]]:
    spec = case.source.open(6.0)
    case.start()
    try:
        yield case.source, spec
    finally:
        case.source.close()


def chunks(source: Source, n: int) -> Iterator[SampleChunk]:
    """Chunks up to sample `n`, the end of the stream, or five seconds."""
    deadline_s = time.monotonic() + 5.0
    while n > 0 and time.monotonic() < deadline_s:
        try:
            chunk = source.read(0.2)
        except EndOfStreamError:
            return
        if chunk is not None:
            n -= len(chunk)
            yield chunk


def sources_in_the_package() -> set[type[object]]:
    """Every public class of the packages that have some, with the methods of the protocol."""
    wanted = {"description", "open", "read", "health", "close"}
    found: set[type[object]] = set()
    for module in pkgutil.walk_packages(hadua.adapters.__path__, "hadua.adapters."):
        loaded = import_module(module.name)
        for _, one in inspect.getmembers(loaded, inspect.isclass):
            if one is not Source and wanted <= set(dir(one)) and not inspect.isabstract(one):
                found.add(one)
    return found


def test_no_source_is_missing_from_this_suite() -> None:
    assert sources_in_the_package() == {kind for kind, _ in MAKERS.values()}


def test_it_meets_the_protocol_and_has_a_description(case: Case) -> None:
    assert isinstance(case.source, Source)
    assert case.source.description
    assert isinstance(case.source, tuple(kind for kind, _ in MAKERS.values()))


def test_read_before_open_is_a_clear_error(case: Case) -> None:
    with pytest.raises(HaduaError, match=r"not open"):
        case.source.read(0.0)


def test_read_after_close_is_a_clear_error(case: Case) -> None:
    with opened(case) as (source, _):
        assert next(chunks(source, 1)) is not None
    with pytest.raises(HaduaError, match=r"not open"):
        case.source.read(0.0)


def test_close_is_idempotent_and_safe_before_open(case: Case) -> None:
    case.source.close()
    case.source.close()


def test_health_is_there_before_open_and_after_close(case: Case) -> None:
    assert case.source.health().samples == 0
    with opened(case) as (source, _):
        n = sum(map(len, chunks(source, 100)))
    assert n >= 100
    assert case.source.health().samples == n


def test_time_is_finite_and_never_decreases(case: Case) -> None:
    with opened(case) as (source, _):
        t_s = np.concatenate([c.t_s for c in chunks(source, N)])

    assert t_s.dtype == np.float64
    assert np.isfinite(t_s).all()
    assert (np.diff(t_s) >= 0.0).all()


def test_every_chunk_has_the_spec_of_open(case: Case) -> None:
    with opened(case) as (source, spec):
        for chunk in chunks(source, N):
            assert chunk.spec == spec
            assert chunk.x.shape == (len(chunk), len(spec.channels))
            assert chunk.x.dtype == np.float64
            assert len(chunk) > 0


def test_samples_belong_to_their_chunk(case: Case) -> None:
    """A later read does not write into what an earlier one returned, and nobody else can."""
    with opened(case) as (source, _):
        kept: list[tuple[SampleChunk, bytes, bytes]] = []
        for chunk in chunks(source, N):
            kept.append((chunk, chunk.t_s.tobytes(), chunk.x.tobytes()))
            assert not chunk.x.flags.writeable
            assert not chunk.t_s.flags.writeable

    assert len(kept) > 1
    assert all(c.t_s.tobytes() == t and c.x.tobytes() == x for c, t, x in kept)
    arrays = [a for c, _, _ in kept for a in (c.x, c.t_s)]
    assert not any(np.may_share_memory(a, b) for i, a in enumerate(arrays) for b in arrays[i + 1 :])


def test_nothing_is_lost_doubled_or_out_of_order(case: Case) -> None:
    with opened(case) as (source, _):
        received = list(chunks(source, N))
        health = source.health()

    if case.counts:
        assert np.concatenate([c.x for c in received])[:, 0].tolist() == list(range(N))
    assert not any(c.gap_before for c in received)
    assert health.samples == sum(map(len, received))
    assert health.gaps == health.lost_samples == 0


def test_a_read_returns_within_its_timeout(case: Case) -> None:
    with opened(case) as (source, _):
        list(chunks(source, N))
        started_s = time.monotonic()
        try:
            for _ in range(3):
                source.read(0.1)
        except EndOfStreamError:
            with pytest.raises(EndOfStreamError, match=r"end|over"):
                source.read(0.1)
        assert time.monotonic() - started_s < 0.3 + SLACK_S


def test_it_works_in_a_thread_while_another_asks_for_its_health(case: Case) -> None:
    received: list[SampleChunk] = []
    opened_here = threading.Event()
    done = threading.Event()

    def work() -> None:
        try:
            with opened(case) as (source, _):
                opened_here.set()
                received.extend(chunks(source, N))
        finally:
            opened_here.set()
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert opened_here.wait(10.0)
    counts = [case.source.health().samples]
    while not done.wait(0.005):
        counts.append(case.source.health().samples)
    thread.join(5.0)
    counts.append(case.source.health().samples)

    assert counts == sorted(counts)
    assert counts[-1] == sum(map(len, received)) > 0
