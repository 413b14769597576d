"""What is written, pyxdf reads: every value, every stamp, every header."""

import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hadua.adapters.recordings.stream_header import own_header
from hadua.adapters.recordings.xdf_blocks import (
    Block,
    CutOff,
    Footer,
    Header,
    Numbers,
    Texts,
    read_blocks,
)
from hadua.adapters.recordings.xdf_encoder import NUMERIC, XdfEncoder, exact_in
from hadua.models.errors import InvalidInputError, RecordingError

TEXT = st.text(max_size=20)
FLOATS = {
    "float32": st.floats(width=32),
    "double64": st.floats(),
    "int8": st.integers(-(2**7), 2**7 - 1),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**53), 2**53),
}


@st.composite
def number_streams(draw: st.DrawFn) -> tuple[str, np.ndarray, np.ndarray, list[int]]:
    kind = draw(st.sampled_from(sorted(NUMERIC)))
    n, c = draw(st.integers(0, 30)), draw(st.integers(1, 5))
    x = draw(hnp.arrays(np.dtype(NUMERIC[kind]), (n, c), elements=FLOATS[kind]))
    stamps = draw(hnp.arrays(np.float64, n, elements=st.floats(-1e9, 1e9)))
    cuts = draw(st.lists(st.integers(0, n), max_size=4))
    return kind, stamps, x.astype(np.float64), sorted({0, n, *cuts})


def load(path: Path) -> dict[str, dict[str, object]]:
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    return {s["info"]["name"][0]: s for s in streams}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(numbers=number_streams(), texts=st.lists(st.tuples(st.floats(-1e9, 1e9), TEXT), max_size=8))
def test_pyxdf_reads_every_value_and_every_stamp(
    numbers: tuple[str, np.ndarray, np.ndarray, list[int]],
    texts: list[tuple[float, str]],
    tmp_path: Path,
) -> None:
    kind, t_s, x, cuts = numbers
    encoder = XdfEncoder(datetime="2026-11-26T12:00:00+00:00")
    labels = tuple(f"<{i}> & é" for i in range(x.shape[1]))
    first = encoder.add_stream(own_header("n", "EEG", labels, channel_format=kind, facts={}))
    second = encoder.add_stream(
        own_header("s", "Markers", ("m",), channel_format="string", facts={})
    )
    for start, stop in pairwise(cuts):
        encoder.numbers(first, t_s[start:stop], x[start:stop])
        encoder.boundary()
    encoder.strings(second, [t for t, _ in texts], [[text] for _, text in texts])
    encoder.clock_offset(first, 1.0, 0.0)
    for stream in (first, second):
        encoder.end_stream(stream)
    path = tmp_path / "a.xdf"
    path.write_bytes(encoder.take())

    read = load(path)
    assert encoder.take() == b""
    np.testing.assert_array_equal(read["n"]["time_stamps"], t_s)
    assert np.asarray(read["n"]["time_series"], np.float64).tobytes() == x.tobytes()
    assert read["s"]["time_series"] == [[text] for _, text in texts]
    assert list(np.asarray(read["s"]["time_stamps"])) == [t for t, _ in texts]
    footer = read["n"]["footer"]
    assert isinstance(footer, dict)
    assert footer["info"]["sample_count"] == [str(len(t_s))]
    info = read["n"]["info"]
    assert isinstance(info, dict)
    described = info["desc"][0]["channels"][0]["channel"]
    assert [c["label"][0] for c in described] == list(labels)


def a_file(path: Path) -> list[Block]:
    """Write a small file; its blocks."""
    encoder = XdfEncoder(datetime="2026-11-26T12:00:00+00:00")
    eeg = encoder.add_stream(own_header("n", "EEG", ("a", "b"), channel_format="float32", facts={}))
    said = encoder.add_stream(own_header("s", "Markers", ("m",), channel_format="string", facts={}))
    for k in range(3):
        t_s = np.arange(4) / 4.0 + k
        encoder.numbers(eeg, t_s, np.stack((t_s, -t_s), axis=1))
        encoder.strings(said, [float(k)], [[f"mark {k} é"]])
        encoder.boundary()
    encoder.end_stream(eeg)
    path.write_bytes(encoder.take())
    return list(read_blocks(path))


def test_the_blocks_are_those_that_were_written(tmp_path: Path) -> None:
    blocks = a_file(tmp_path / "a.xdf")

    kinds = [type(block) for block in blocks]
    assert kinds == [Header, Header, *(Numbers, Texts) * 3, Footer]
    numbers = [block for block in blocks if isinstance(block, Numbers)]
    t_s = np.concatenate([block.t_s for block in numbers])
    np.testing.assert_array_equal(t_s, np.arange(12) / 4.0)
    np.testing.assert_array_equal(np.concatenate([b.x for b in numbers])[:, 1], -t_s)
    assert [b.rows for b in blocks if isinstance(b, Texts)] == [
        ((f"mark {k} é",),) for k in range(3)
    ]
    assert blocks[-1] == Footer(1, 12)


def test_a_file_that_was_cut_off_is_read_up_to_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    whole = a_file(path)
    data = path.read_bytes()
    lengths = []
    for size in range(4, len(data)):
        path.write_bytes(data[:size])
        kept = [block for block in read_blocks(path) if not isinstance(block, CutOff)]
        assert [str(b) for b in kept] == [str(b) for b in whole[: len(kept)]]
        lengths.append(len(kept))
    assert lengths == sorted(lengths)
    assert set(lengths) == set(range(len(whole)))


def test_pyxdf_reads_a_file_that_was_cut_between_two_blocks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.xdf"
    a_file(path)
    data = path.read_bytes()
    boundary = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
    path.write_bytes(data[: data.index(boundary, data.index(boundary) + 1) + len(boundary)])
    with caplog.at_level(logging.ERROR):
        read = load(path)
    np.testing.assert_array_equal(read["n"]["time_stamps"], np.arange(8) / 4.0)
    assert not caplog.records


@pytest.mark.parametrize(
    ("at", "byte", "match"),
    [(4, 3, "damaged at byte 4"), (0, 0, "not an XDF file")],
)
def test_damage_is_named(at: int, byte: int, match: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    a_file(path)
    data = bytearray(path.read_bytes())
    data[at] = byte
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=match):
        list(read_blocks(path))


def test_samples_without_stamps_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    a_file(path)
    data = path.read_bytes()
    at = data.index(b"\x08" + np.float64(0.25).tobytes())
    path.write_bytes(data[:at] + b"\x00" + data[at + 1 :])
    with pytest.raises(RecordingError, match="samples without stamps of their own"):
        list(read_blocks(path))


def test_a_format_that_is_not_written_is_refused() -> None:
    header = own_header("n", "EEG", ("a",), channel_format="int128", facts={})
    with pytest.raises(InvalidInputError, match="channel_format 'int128'"):
        XdfEncoder(datetime="").add_stream(header)


@pytest.mark.parametrize(
    ("value", "formats"),
    [
        (0.1, {"double64"}),
        (0.5, {"double64", "float32"}),
        (3.0, {"double64", "float32", "int8", "int16", "int32", "int64"}),
        (1000.0, {"double64", "float32", "int16", "int32", "int64"}),
        (2.0**24 + 1, {"double64", "int32", "int64"}),
        (np.nan, {"double64", "float32"}),
        (np.inf, {"double64", "float32"}),
        (-0.0, {"double64", "float32"}),
        (1e300, {"double64"}),
    ],
)
def test_a_format_holds_a_value_only_if_it_gives_back_every_bit(
    value: float, formats: set[str]
) -> None:
    x = np.array([[1.0, value]])
    assert {kind for kind in NUMERIC if exact_in(x, kind)} == formats
