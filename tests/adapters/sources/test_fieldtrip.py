"""FieldTrip buffers: what they say, what they drop, and every way in which they go wrong."""

import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pytest
from support.fieldtrip_server import (
    GET_HDR,
    PUT_DAT,
    PUT_ERR,
    PUT_HDR,
    PUT_OK,
    Acquisition,
    FieldTripServer,
    answering,
    buffer,
    header,
    message,
    names,
    resolutions,
    samples,
)

from hadua.adapters.sources import fieldtrip_link
from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.fieldtrip import FieldTripSource
from hadua.adapters.sources.source import SampleChunk
from hadua.models.errors import (
    HaduaError,
    RuntimeUnavailableError,
    StreamInvalidError,
    StreamLostError,
    StreamNotFoundError,
)
from hadua.models.features import Modality

RATE_HZ = 250.0
HEADER = header(2, RATE_HZ, "f4", chunks=[names(["CZ", "PZ"])])


def source_on(
    port: int, *, host: str = "127.0.0.1", modality: Modality = Modality.EEG, unit: str = ""
) -> FieldTripSource:
    text = f"fieldtrip:{host}:{port}"
    return FieldTripSource(host, port, description=text, modality=modality, unit=unit)


@contextmanager
def reading(server: FieldTripServer, *, unit: str = "") -> Iterator[FieldTripSource]:
    source = source_on(server.port, unit=unit)
    source.open(5.0)
    try:
        yield source
    finally:
        source.close()


def ramp(start: int, stop: int, *, kind: str = "f4") -> bytes:
    """Samples whose value is their own number, so that a lost one shows."""
    k = np.arange(start, stop)
    return samples(np.stack((k, -k), axis=1).astype(kind))


def take(source: FieldTripSource, n: int, *, timeout_s: float = 5.0) -> list[SampleChunk]:
    """Chunks until `n` samples came."""
    chunks: list[SampleChunk] = []
    deadline_s = time.monotonic() + timeout_s
    while sum(map(len, chunks)) < n and time.monotonic() < deadline_s:
        if (chunk := source.read(0.1)) is not None:
            chunks.append(chunk)
    return chunks


def numbers(chunks: Sequence[SampleChunk]) -> list[int]:
    return [round(v) for chunk in chunks for v in chunk.x[:, 0]]


def refusal(port: int, *, wait_s: float = 0.6, host: str = "127.0.0.1") -> HaduaError:
    started_s = time.monotonic()
    with pytest.raises(HaduaError, match=r".") as caught:
        source_on(port, host=host).open(wait_s)
    assert time.monotonic() - started_s < wait_s + 2.0
    return caught.value


def test_the_header_becomes_the_stream() -> None:
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            spec = source.open(5.0)

    assert spec.labels == ("CZ", "PZ")
    assert (spec.rate_hz, spec.type, spec.name) == (RATE_HZ, "EEG", f"127.0.0.1:{server.port}")
    assert not spec.synthesised_labels
    assert {c.unit for c in spec.channels} == {""}


def test_names_that_are_missing_are_numbers_and_it_is_said() -> None:
    with buffer() as server:
        server.put_header(header(3, RATE_HZ, "f4"))
        with reading(server) as source:
            spec, notes = source.open(5.0), source.health().notes

    assert (spec.labels, spec.synthesised_labels) == (("1", "2", "3"), True)
    assert "names none of its 3 channels: they are numbered 1 to 3" in notes


def test_it_begins_with_what_comes_now_and_keeps_the_order() -> None:
    with buffer() as server:
        server.put_header(HEADER)
        server.put_data(ramp(0, 500))
        with reading(server) as source:
            for start in range(500, 700, 7):
                server.put_data(ramp(start, min(start + 7, 700)))
            chunks = take(source, 200)

    assert numbers(chunks) == list(range(500, 700))
    assert source.health().lost_samples == source.health().gaps == 0


@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8", "u1", "i8"])
def test_every_type_arrives_as_it_was_put(kind: str) -> None:
    scale = [0.5, 0.25]
    with buffer() as server:
        chunks_of_header = [names(["CZ", "PZ"]), resolutions(scale)]
        server.put_header(header(2, RATE_HZ, kind, chunks=chunks_of_header))
        with reading(server) as source:
            values = np.array([[3, 100], [0, 7]]).astype(kind)
            server.put_data(samples(values))
            (chunk,) = take(source, 2)

    factor = np.ones(2) if kind.startswith("f") else np.array(scale)
    assert chunk.x.tolist() == (values.astype(np.float64) * factor).tolist()


@pytest.mark.parametrize(
    ("kind", "extra", "unit", "expected"),
    [
        ("i2", [], "", "counts"),
        ("i2", [], "mV", "mV"),
        ("i2", [resolutions([0.1, 0.1])], "", ""),
        ("f4", [], "", ""),
        ("f4", [], "V", "V"),
    ],
)
def test_integers_without_a_resolution_are_counts_unless_the_unit_is_told(
    kind: str, extra: list[tuple[int, bytes]], unit: str, expected: str
) -> None:
    with buffer() as server:
        server.put_header(header(2, RATE_HZ, kind, chunks=[names(["CZ", "PZ"]), *extra]))
        source = source_on(server.port, unit=unit)
        spec = source.open(5.0)
        source.close()

    assert {c.unit for c in spec.channels} == {expected}
    said = [n for n in source.health().notes if "without saying what one is" in n]
    assert len(said) == (expected == "counts")


@pytest.mark.parametrize(
    ("chunk", "note"),
    [
        (resolutions([1.0]), "wrong size"),
        (resolutions([1.0, 0.0]), "zero or not finite"),
        (resolutions([1.0, np.nan]), "zero or not finite"),
    ],
)
def test_resolutions_that_cannot_be_are_ignored_and_it_is_said(
    chunk: tuple[int, bytes], note: str
) -> None:
    with buffer() as server:
        server.put_header(header(2, RATE_HZ, "i2", chunks=[names(["CZ", "PZ"]), chunk]))
        with reading(server) as source:
            server.put_data(ramp(1, 2, kind="i2"))
            (got,) = take(source, 1)
            notes = source.health().notes

    assert got.x.tolist() == [[1.0, -1.0]]
    assert any(note in n for n in notes)


def test_samples_are_stamped_on_arrival_and_the_notes_say_so() -> None:
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            before_s = lsl_now_s()
            server.put_data(ramp(0, 10))
            (chunk,) = take(source, 10)
            after_s = lsl_now_s()

    assert before_s <= chunk.t_s[-1] <= after_s
    assert np.diff(chunk.t_s) == pytest.approx(1.0 / RATE_HZ, abs=1e-5)
    assert any("stamped as they arrive" in note for note in source.health().notes)
    assert source.health().clock_uncertainty_s is None


@pytest.mark.parametrize(("ring", "put"), [(50, 400), (1, 3), (2, 700)])
def test_what_was_overwritten_is_a_gap_of_exactly_that_many(ring: int, put: int) -> None:
    with buffer(ring=ring) as server:
        server.put_header(HEADER)
        with reading(server) as source:
            server.put_data(ramp(0, 1))
            first = take(source, 1)
            server.put_data(ramp(1, 1 + put))
            server.put_data(ramp(1 + put, 2 + put))
            chunks = take(source, ring)
            health = source.health()

    assert numbers(first) == [0]
    assert chunks[0].gap_before
    assert numbers(chunks)[-1] == 1 + put
    assert health.gaps == 1
    assert health.lost_samples == put + 2 - health.samples > 0


def test_a_header_put_again_is_a_gap_and_counting_begins_anew() -> None:
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            server.put_data(ramp(0, 300))
            take(source, 300)
            server.put_header(HEADER)
            assert source.read(0.05) is None
            server.put_data(ramp(1000, 1020))
            chunks = take(source, 20)

    assert numbers(chunks) == list(range(1000, 1020))
    assert [c.gap_before for c in chunks] == [True]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (header(3, RATE_HZ, "f4"), "3 channels instead of 2"),
        (header(2, 500.0, "f4", chunks=[names(["CZ", "PZ"])]), "500 Hz instead of 250 Hz"),
        (header(2, RATE_HZ, "f4", chunks=[names(["CZ", "OZ"])]), "other channel names"),
        (header(2, RATE_HZ, "f8", chunks=[names(["CZ", "PZ"])]), "another data type"),
    ],
)
def test_another_header_ends_the_stream_and_says_what_changed(
    other: bytes, difference: str
) -> None:
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            server.put_data(ramp(0, 10))
            take(source, 10)
            server.put_header(other)
            with pytest.raises(StreamLostError, match=rf"has changed: got .*{difference}"):
                take(source, 1)


def test_another_header_is_noticed_even_if_the_count_does_not_fall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hadua.adapters.sources.fieldtrip._RECHECK_S", 0.2)
    other = header(2, RATE_HZ, "f4", chunks=[names(["PZ", "CZ"])])
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            server.put_header(other)
            server.put_data(ramp(0, 10))
            with pytest.raises(StreamLostError, match=r"other channel names"):
                take(source, 1000)


def test_a_buffer_that_hangs_up_is_asked_again_and_nothing_is_lost() -> None:
    over = threading.Event()

    def send(server: FieldTripServer) -> None:
        started_s, k = time.monotonic(), 0
        while not over.wait(0.02):
            due = int((time.monotonic() - started_s) * RATE_HZ)
            if due > k:
                server.put_data(ramp(k, due))
                k = due

    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            sender = threading.Thread(target=send, args=[server])
            sender.start()
            chunks = take(source, 50)
            server.hang_up()
            chunks += take(source, 100)
            over.set()
            sender.join()
            health = source.health()

    assert numbers(chunks) == list(range(len(numbers(chunks))))
    assert len(numbers(chunks)) >= 150
    assert (health.gaps, health.lost_samples) == (0, 0)
    assert "the buffer was away 1 time" in health.notes


def test_a_program_that_is_started_again_is_gone_on_with_behind_a_gap() -> None:
    first = FieldTripServer()
    first.put_header(HEADER)
    with reading(first) as source:
        first.put_data(ramp(0, 300))
        take(source, 300)
        first.close()
        for _ in range(3):
            assert source.read(0.05) is None
        second = FieldTripServer(port=first.port)
        second.put_header(HEADER)
        try:
            while GET_HDR not in second.requests:
                source.read(0.1)
            second.put_data(ramp(5000, 5010))
            chunks = take(source, 10)
        finally:
            second.close()

    assert numbers(chunks) == list(range(5000, 5010))
    assert chunks[0].gap_before


def test_a_name_that_is_gone_with_the_network_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            with monkeypatch.context() as offline:
                offline.setattr(socket, "getaddrinfo", no_network)
                server.hang_up()
                assert [source.read(0.05) for _ in range(3)] == [None] * 3
            take(source, 1, timeout_s=0.6)
            server.put_data(ramp(0, 10))
            assert numbers(take(source, 10)) == list(range(10))


def test_a_buffer_that_stops_answering_never_hangs_a_read_and_goes_on_when_it_answers() -> None:
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            server.freeze()
            slowest_s = 0.0
            for _ in range(3):
                started_s = time.monotonic()
                assert source.read(0.05) is None
                slowest_s = max(slowest_s, time.monotonic() - started_s)
            server.thawed.set()
            server.put_data(ramp(0, 10))
            chunks = take(source, 10)

    assert slowest_s < 3.0
    assert numbers(chunks) == list(range(10))


def test_a_read_that_waits_is_woken_by_a_sample() -> None:
    with buffer() as server:
        server.put_header(HEADER)
        with reading(server) as source:
            timer = threading.Timer(0.05, server.put_data, [ramp(0, 100)])
            timer.start()
            started_s = time.monotonic()
            chunk = source.read(5.0)
            waited_s = time.monotonic() - started_s
            timer.join()

    assert chunk is not None
    assert waited_s < 2.5


def test_a_header_that_comes_later_is_waited_for() -> None:
    with buffer() as server:
        timer = threading.Timer(0.3, server.put_header, [HEADER])
        timer.start()
        with reading(server) as source:
            spec = source.open(5.0)
        timer.join()

    assert spec.labels == ("CZ", "PZ")


def test_acquisition_programs_put_over_the_network() -> None:
    """The server under these tests takes what the protocol says, and refuses what does not fit."""
    with buffer() as server:
        amplifier = Acquisition(server.port)
        assert amplifier.put(PUT_DAT, ramp(0, 1)) == PUT_ERR
        assert amplifier.put(PUT_HDR, HEADER) == PUT_OK
        assert amplifier.put(PUT_DAT, ramp(0, 1, kind="f8")) == PUT_ERR
        with reading(server) as source:
            assert amplifier.put(PUT_DAT, ramp(0, 5)) == PUT_OK
            assert numbers(take(source, 5)) == [0, 1, 2, 3, 4]
        amplifier.close()


def test_mne_realtimes_own_client_understands_the_server_of_these_tests() -> None:
    client = fieldtrip_link._client_module().Client()
    with buffer() as server:
        server.put_header(header(2, RATE_HZ, "i2", chunks=[names(["CZ", "PZ"])]))
        server.put_data(ramp(0, 10, kind="i2"))
        client.connect("127.0.0.1", server.port)
        said = client.getHeader()
        block, missing = client.getData((3, 5)), client.getData((8, 12))
        counts = client.poll(), client.wait(9, 9, 1000)
        client.disconnect()

    assert (said.labels, said.nChannels, said.nSamples) == (["CZ", "PZ"], 2, 10)
    assert (said.fSample, said.dataType) == (RATE_HZ, 6)
    assert block.tolist() == [[3, -3], [4, -4], [5, -5]]
    assert missing is None
    assert counts == ((10, 0), (10, 0))


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = refusal(port)

    assert isinstance(error, StreamNotFoundError)
    text = str(error)
    assert f"no FieldTrip buffer at 127.0.0.1:{port} within 0.6 s: got no connection: " in text
    assert "refused" in text
    assert "Is the acquisition program running" in text


def test_nobody_has_put_a_header() -> None:
    with buffer() as server:
        error = refusal(server.port)
    assert "got a buffer without a header: no acquisition so far" in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70, "::1::"])
def test_a_host_that_does_not_exist(host: str) -> None:
    error = refusal(1972, host=host, wait_s=5.0)
    assert "got host name" in str(error)


def silent(_: bytes) -> bytes:
    return b""


def web(asked: bytes) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\n\r\n" if asked.endswith(b"\r\n") else b""


def test_a_server_that_never_answers() -> None:
    with answering(silent) as port:
        error = refusal(port)
    assert "got no answer: none within" in str(error)


def test_a_web_server_is_recognised() -> None:
    with answering(web) as port:
        error = refusal(port, wait_s=5.0)
    assert f"127.0.0.1:{port} is not a FieldTrip buffer: got a web server (HTTP)" in str(error)
    assert "1972" in str(error)


def test_another_protocol_is_quoted() -> None:
    with answering(silent, greeting=b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        error = refusal(port, wait_s=5.0)
    assert "is not a FieldTrip buffer" in str(error)
    assert "first bytes: b'SSH-2.0-'" in str(error)


def claiming(payload: bytes, *, command: int = 0x204) -> bytes:
    return message(command, payload)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (struct.pack("=HHI", 1, 0x204, 2**32 - 1), "absurd size: got 4294967295 bytes"),
        (struct.pack("=HHI", 1, 0x204, 8) + bytes(8), "is not a FieldTrip buffer"),
        (struct.pack("=HHI", 1, 0x999, 0), "is not a FieldTrip buffer"),
        (claiming(header(0, RATE_HZ, "f4")), "number of channels: got 0, expected 1 to 4096"),
        (claiming(header(10**9, RATE_HZ, "f4")), "number of channels: got 1000000000"),
        (claiming(header(2, 0.0, "f4")), "sampling rate: got 0 Hz"),
        (claiming(header(2, float("nan"), "f4")), "sampling rate: got nan Hz"),
        (claiming(header(2, 1e9, "f4")), "sampling rate: got 1e+09 Hz"),
        (claiming(header(2, -1.0, "f4")), "sampling rate: got -1 Hz"),
        (
            claiming(struct.pack("=IIIfII", 2, 0, 0, 250.0, 77, 0)),
            "type of its samples: got number 77",
        ),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_nonsense_is_refused_at_once(answer: bytes, text: str) -> None:
    with answering(lambda _: answer) as port:
        error = refusal(port, wait_s=5.0)
    assert isinstance(error, StreamInvalidError)
    assert text in str(error)


def test_an_absurd_block_of_samples_ends_the_stream_without_being_received() -> None:
    huge = struct.pack("=HHI", 1, 0x204, 3_000_000_000)

    def answer(asked: bytes) -> bytes:
        command = struct.unpack("=HHI", asked[:8])[1]
        waited = message(0x404, struct.pack("=II", 10, 0))
        return {GET_HDR: claiming(HEADER), 0x402: waited}.get(command, huge)

    with answering(answer) as port:
        source = source_on(port)
        source.open(5.0)
        with pytest.raises(StreamLostError, match=r"absurd size: got 3000000000 bytes"):
            take(source, 1)
        source.close()


def test_without_mne_realtime_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name: None if name == "mne_realtime" else find_spec(name),
    )
    with pytest.raises(RuntimeUnavailableError, match=r'pip install "hadua\[fieldtrip\]"'):
        source_on(1972).open(1.0)
