"""XDF files: whole, cut, damaged, real; and chunks replayed."""

import gzip
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.xdf_writer import XdfStream, write_xdf

from hadua.adapters.sources.replay import ChunkReplaySource, XdfSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, Source
from hadua.adapters.sources.xdf_file import walk_xdf
from hadua.models.errors import RecordingError, StreamInvalidError, UsageError
from hadua.models.features import FloatArray


def stream(
    name: str = "Amp",
    kind: str = "EEG",
    *,
    n: int = 500,
    rate_hz: float = 250.0,
    start_s: float = 100.0,
) -> XdfStream:
    x = np.stack([np.arange(n, dtype=np.float64), np.full(n, 0.5)], axis=1)
    return XdfStream(name, kind, rate_hz, start_s + np.arange(n) / rate_hz, x, ("index", "half"))


def chunks_of(source: Source) -> Iterator[SampleChunk]:
    while True:
        try:
            chunk = source.read(1.0)
        except EndOfStreamError:
            return
        if chunk is not None:
            yield chunk


def test_a_file_comes_out_as_it_was_written(tmp_path: Path) -> None:
    written = stream()
    write_xdf(tmp_path / "a.xdf", [written, stream("Eye", "Gaze", rate_hz=60.0)])
    source = XdfSource(tmp_path / "a.xdf", stream="eeg")

    spec = source.open(1.0)
    chunks = list(chunks_of(source))

    assert spec.labels == ("index", "half")
    assert np.array_equal(np.concatenate([c.x for c in chunks]), written.x)
    assert np.abs(np.concatenate([c.t_s for c in chunks]) - written.stamp_s).max() < 1e-9
    assert all(c.t_s[-1] - c.t_s[0] <= 0.05 for c in chunks[1:])  # the first ones wait
    assert not any(c.gap_before for c in chunks)
    assert source.health().samples == 500
    source.close()


@pytest.mark.parametrize("chunk_s", [0.001, 1.022, 1.102, 7.0, 1e3])
def test_chunks_are_as_long_as_asked(tmp_path: Path, chunk_s: float) -> None:
    written = stream(n=5000)
    write_xdf(tmp_path / "a.xdf", [written])
    source = XdfSource(tmp_path / "a.xdf", stream="eeg", chunk_s=chunk_s)
    source.open(1.0)

    chunks = list(chunks_of(source))

    lengths = [len(c) for c in chunks]
    whole = min(max(1, math.ceil(chunk_s * 250.0 - 1e-6)), 5000)
    assert set(lengths[1:-1]) <= {whole}
    assert whole <= lengths[0] <= max(whole, 64)  # a quarter of a second waits
    assert sum(lengths) == 5000
    assert 0 < lengths[-1] <= whole


def test_a_gap_in_the_recording_is_a_gap(tmp_path: Path) -> None:
    whole = stream()
    shifted = whole.stamp_s.copy()
    shifted[200:] += 3.0
    write_xdf(tmp_path / "a.xdf", [replace(whole, stamp_s=shifted)])
    source = XdfSource(tmp_path / "a.xdf", stream="Amp")
    source.open(1.0)

    gaps = [c.x[0, 0] for c in chunks_of(source) if c.gap_before]

    assert gaps == [200.0]
    assert source.health().gaps == 1
    assert source.health().lost_samples == 750
    source.close()


def test_real_time_waits_until_the_chunk_is_complete(tmp_path: Path) -> None:
    """The gaze begins 2 s after the EEG, and so does its replay."""
    write_xdf(tmp_path / "a.xdf", [stream(), stream("Eye", "Gaze", start_s=102.0)])
    now_s = [1000.0]

    def sleep(wait_s: float) -> None:
        now_s[0] += wait_s

    source = XdfSource(
        tmp_path / "a.xdf", stream="gaze", speed=2.0, clock=lambda: now_s[0], sleep=sleep
    )
    source.open(1.0)

    assert source.read(0.4) is None
    assert now_s[0] == pytest.approx(1000.4)
    chunk = source.read(5.0)

    assert chunk is not None
    assert chunk.t_s[0] == pytest.approx(102.0)
    assert now_s[0] == pytest.approx(1000.0 + (chunk.t_s[-1] - 100.0) / 2.0)
    source.close()


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_truncated_file_is_refused_wherever_it_is_cut(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "cut.xdf"
    starts = write_xdf(path, [stream(n=60)])
    whole = path.read_bytes()
    cut = data.draw(st.integers(5, len(whole) - 1).filter(lambda n: n not in starts))
    path.write_bytes(whole[:cut])
    chunk = max(s for s in starts if s < cut)

    with pytest.raises(
        RecordingError, match=rf"truncated in the chunk at byte {chunk}: got {cut - chunk} bytes"
    ):
        XdfSource(path, stream="eeg").open(1.0)


def test_a_file_cut_between_chunks_is_read_with_a_note(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", [replace(stream(), footer=False)])
    source = XdfSource(tmp_path / "a.xdf", stream="eeg")
    source.open(1.0)

    assert source.health().notes == (
        "the recorder did not close this stream: its end may be missing",
    )
    source.close()


@given(at=st.integers(0, 2_000), value=st.integers(0, 255))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_byte_never_ends_in_a_traceback_or_a_short_stream(
    tmp_path: Path, at: int, value: int
) -> None:
    path = tmp_path / "bad.xdf"
    write_xdf(path, [stream(n=60)])
    damaged = bytearray(path.read_bytes())
    damaged[at % len(damaged)] = value
    path.write_bytes(damaged)
    source = XdfSource(path, stream="eeg")

    try:
        source.open(1.0)
        n = sum(len(c) for c in chunks_of(source))
    except (RecordingError, StreamInvalidError):
        return
    finally:
        source.close()
    assert n + source.health().lost_samples >= 60


def test_what_is_not_there_or_not_xdf(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"recording '.*no\.xdf' is not there"):
        XdfSource(tmp_path / "no.xdf", stream="eeg").open(1.0)
    with pytest.raises(RecordingError, match=r"got a folder, expected an \.xdf file"):
        XdfSource(tmp_path, stream="eeg").open(1.0)
    (tmp_path / "text.xdf").write_text("time,value\n")
    with pytest.raises(RecordingError, match=r"not an XDF file: got b'time' at its start"):
        XdfSource(tmp_path / "text.xdf", stream="eeg").open(1.0)
    (tmp_path / "empty.xdf").write_bytes(b"")
    with pytest.raises(RecordingError, match=r"not an XDF file: got an empty file"):
        XdfSource(tmp_path / "empty.xdf", stream="eeg").open(1.0)


def test_no_such_stream_lists_those_there(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", [stream("A"), stream("B")])
    with pytest.raises(RecordingError, match=r"no stream 'gaze': got 'A' \(type 'EEG'\), 'B'"):
        XdfSource(tmp_path / "a.xdf", stream="gaze").open(1.0)
    with pytest.raises(RecordingError, match=r"more than one stream 'eeg'.*stream=NAME"):
        XdfSource(tmp_path / "a.xdf", stream="eeg").open(1.0)


def test_a_zipped_file_is_read_and_a_cut_one_refused(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", [stream()])
    zipped = gzip.compress((tmp_path / "a.xdf").read_bytes())
    (tmp_path / "a.xdfz").write_bytes(zipped)
    source = XdfSource(tmp_path / "a.xdfz", stream="eeg")
    source.open(1.0)
    assert sum(len(c) for c in chunks_of(source)) == 500
    source.close()

    (tmp_path / "a.xdfz").write_bytes(zipped[: len(zipped) // 2])
    with pytest.raises(RecordingError, match=r"cannot be read|truncated"):
        XdfSource(tmp_path / "a.xdfz", stream="eeg").open(1.0)


def test_a_speed_that_cannot_be(tmp_path: Path) -> None:
    for speed in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match=r"replay speed: got .*, expected a positive number"):
            XdfSource(tmp_path / "a.xdf", stream="eeg", speed=speed)


def offsets_of(path: Path, name: str) -> FloatArray:
    """The file's own measurements of a stream's clock, `(n, 2)`: time there, what to add."""
    streams, _ = pyxdf.load_xdf(str(path), synchronize_clocks=False, dejitter_timestamps=False)
    (found,) = (s for s in streams if s["info"]["name"] == [name])
    return np.stack([found["clock_times"], found["clock_values"]], axis=1)


def test_the_real_file_with_clock_resets(recordings: Path) -> None:
    """The sending computer was started again in between: its clock went from 653561 s to 105 s."""
    path = recordings / "xdf" / "clock_resets.xdf"
    source = XdfSource(path, stream="eeg")
    spec = source.open(1.0)
    t_s = np.concatenate([c.t_s for c in chunks_of(source)])
    health = source.health()
    source.close()

    assert spec.name == "BioSemi"
    assert len(spec.channels) == 8
    assert spec.synthesised_labels
    assert health.samples == t_s.shape[0] == walk_xdf(path).samples[2] == 27_815
    # One continuous time line. Put together here by hand: of each computer's life the median offset
    # (its spread is 0.4 ms), added to the first stamp behind the reset and the last one before.
    assert (np.diff(t_s) >= 0).all()
    gap = int(np.argmax(np.diff(t_s)))
    first, second = np.split(offsets_of(path, "BioSemi"), [82])
    expected_s = (
        261.9267033 + np.median(second[:, 1]),
        653150.379117 + np.median(first[:, 1]),
    )
    assert (t_s[-1], t_s[0]) == pytest.approx(expected_s, abs=0.04)  # a loop that sleeps
    assert gap == 12_875
    assert t_s[gap + 1] - t_s[gap] == pytest.approx(273.55, abs=0.15)
    assert np.diff(t_s)[np.arange(t_s.shape[0] - 1) != gap].max() < 0.15
    assert health.gaps >= 1


@pytest.mark.parametrize("off_s", [0.0, 3.0])
def test_a_computer_that_was_started_again_goes_on_in_the_same_time(
    tmp_path: Path, off_s: float
) -> None:
    """Its clock begins at 30 s again and runs 20 ppm fast; the tracker's computer goes on."""
    n, rng = 30_000, np.random.default_rng(0)
    true_s = 5000.0 + np.arange(n) / 250.0
    true_s[n // 2 :] += off_s
    again_s = float(true_s[n // 2])
    began_s = np.where(true_s < again_s, -90_000.0, again_s - 30.0)
    measured_s = np.arange(5000.5, true_s[-1], 5.0)
    began_then_s = np.where(measured_s < again_s, -90_000.0, again_s - 30.0)
    there_s = (measured_s - began_then_s) * (1.0 + 20e-6)
    offsets = np.stack([there_s, measured_s - there_s + rng.normal(0.0, 1e-4, len(there_s))], 1)
    x = np.stack([np.arange(n, dtype=np.float64), np.zeros(n)], axis=1)
    eeg = XdfStream(
        *("Amp", "EEG", 250.0, (true_s - began_s) * (1.0 + 20e-6), x, ("k", "zero")),
        offsets=tuple((float(a), float(b)) for a, b in offsets),
    )
    gaze = XdfStream("Eye", "Gaze", 250.0, true_s, x, ("k", "zero"))
    write_xdf(tmp_path / "a.xdf", [eeg, gaze])

    found = {}
    for kind in ("eeg", "gaze"):
        source = XdfSource(tmp_path / "a.xdf", stream=kind)
        source.open(1.0)
        found[kind] = np.concatenate([c.t_s for c in chunks_of(source)])
        assert source.health().gaps == (off_s > 0.0)
        source.close()

    assert (np.diff(found["eeg"]) >= 0).all()
    assert np.abs(found["eeg"] - true_s).max() < 1e-3
    assert np.abs(found["eeg"] - found["gaze"]).max() < 1e-3


def test_the_real_minimal_and_empty_files(recordings: Path) -> None:
    source = XdfSource(recordings / "xdf" / "minimal.xdf", stream="eeg")
    source.open(1.0)
    x = np.concatenate([c.x for c in chunks_of(source)])
    assert x.shape == (9, 3)
    assert x[:3].tolist() == [[192, 255, 238], [12, 22, 32], [13, 23, 33]]
    source.close()

    with pytest.raises(RecordingError, match=r"no stream 'eeg'"):
        XdfSource(recordings / "xdf" / "empty_streams.xdf", stream="eeg").open(1.0)


def test_chunks_are_replayed_bit_for_bit(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", [stream()])
    live = XdfSource(tmp_path / "a.xdf", stream="eeg")
    spec = live.open(1.0)
    received = list(chunks_of(live))
    live.close()
    source = ChunkReplaySource(spec, received)

    for _ in range(2):
        assert source.open(1.0) is spec
        assert [id(c) for c in chunks_of(source)] == [id(c) for c in received]
    source.close()


def test_chunks_of_another_stream_are_refused(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", [stream()])
    live = XdfSource(tmp_path / "a.xdf", stream="eeg")
    spec = live.open(1.0)
    chunks = list(chunks_of(live))
    live.close()
    with pytest.raises(StreamInvalidError, match=r"chunks of 'other': got a chunk of 'Amp'"):
        ChunkReplaySource(replace(spec, name="other"), chunks)
