"""A recording's streams over LSL again: the same samples, at the distances they had."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pylsl
import pytest
from support.xdf_writer import XdfStream, write_xdf

from hadua.adapters.recordings.republish import blocks, read_streams, republish
from hadua.adapters.recordings.stream_header import own_header
from hadua.adapters.recordings.xdf_encoder import XdfEncoder
from hadua.adapters.sources.clock import lsl_now_s
from hadua.models.errors import RecordingError

N = 100


def a_recording(path: Path, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """EEG of its own numbers with a hole, and two markers; its stamps."""
    encoder = XdfEncoder(datetime="")
    eeg = encoder.add_stream(
        own_header(f"{name}-eeg", "EEG", ("CZ", "OZ"), channel_format="float32", facts={})
    )
    marks = encoder.add_stream(
        own_header(f"{name}-marks", "Markers", ("m",), channel_format="string", facts={})
    )
    steps = encoder.add_stream(
        own_header("HADUA-steps", "HaduaSteps", ("a",), channel_format="int32", facts={})
    )
    t_s = 7000.0 + np.arange(N) / 200.0
    t_s[N // 2 :] += 0.2
    k = np.arange(N, dtype=np.float64)
    encoder.numbers(eeg, t_s, np.stack((k, -k), axis=1))
    encoder.strings(marks, [7000.1, 7000.6], [["one"], ["zwei é"]])
    encoder.numbers(steps, t_s[:1], np.zeros((1, 1)))
    for stream in (eeg, marks, steps):
        encoder.end_stream(stream)
    path.write_bytes(encoder.take())
    return t_s


def pull(inlet: pylsl.StreamInlet, n: int) -> tuple[list[Sequence[object]], list[float]]:
    rows: list[Sequence[object]] = []
    stamps: list[float] = []
    while len(rows) < n:
        row, stamp = inlet.pull_sample(timeout=10.0)
        assert row is not None
        rows.append(row)
        stamps.append(stamp)
    return rows, stamps


def test_the_same_samples_come_at_the_distances_they_had(tmp_path: Path, unique: str) -> None:
    path = tmp_path / "a.xdf"
    t_s = a_recording(path, unique)
    streams = read_streams(path)
    there, go = threading.Event(), threading.Event()
    sent: list[int] = []

    def ready() -> None:
        there.set()
        go.wait(20.0)

    def send() -> None:
        sent.append(
            republish(
                streams,
                clock=lsl_now_s,
                wait=threading.Event().wait,
                stopped=lambda: False,
                ready=ready,
            )
        )
        go.wait(20.0)

    thread = threading.Thread(target=send)
    thread.start()
    assert there.wait(10.0)
    inlets = []
    for name in (f"{unique}-eeg", f"{unique}-marks"):
        (info,) = pylsl.resolve_byprop("name", name, timeout=10.0)
        inlets.append(pylsl.StreamInlet(info))
        inlets[-1].open_stream(10.0)
    labels = inlets[0].info(10.0).get_channel_labels()
    go.set()
    rows, stamps = pull(inlets[0], N)
    marks, at = pull(inlets[1], 2)
    thread.join(10.0)
    for inlet in inlets:
        inlet.close_stream()

    assert labels == ["CZ", "OZ"]
    assert [row[0] for row in rows] == list(range(N))
    np.testing.assert_allclose(np.array(stamps) - stamps[0], t_s - t_s[0], atol=1e-6)
    assert [row[0] for row in marks] == ["one", "zwei é"]
    np.testing.assert_allclose(np.array(at) - stamps[0], [0.1, 0.6], atol=1e-6)
    assert sent == [N + 2]
    assert [stream.name for stream in streams] == [f"{unique}-eeg", f"{unique}-marks"]


def test_it_leaves_off_when_told(tmp_path: Path, unique: str) -> None:
    path = tmp_path / "a.xdf"
    a_recording(path, unique)
    stop = threading.Event()

    def wait(seconds: float) -> None:
        stop.set()

    sent = republish(read_streams(path), clock=lsl_now_s, wait=wait, stopped=stop.is_set)
    assert sent < N


def test_blocks_are_short_and_in_the_order_of_time(tmp_path: Path, unique: str) -> None:
    path = tmp_path / "a.xdf"
    a_recording(path, unique)
    streams = read_streams(path)
    cut = list(blocks(streams))
    assert [b.due_s for b in cut] == sorted(b.due_s for b in cut)
    for k, stream in enumerate(streams):
        mine = [(b.start, b.stop) for b in cut if b.stream == k]
        assert [start for start, _ in mine] == [0, *(stop for _, stop in mine[:-1])]
        assert mine[-1][1] == len(stream.stamp_s)
        spans = [stream.stamp_s[stop - 1] - stream.stamp_s[start] for start, stop in mine]
        assert max(spans) <= 0.02 + 1e-9


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    write_xdf(path, [XdfStream("c", "EEG", 100.0, np.zeros(0), np.zeros((0, 1)))])
    with pytest.raises(RecordingError, match="has no samples that could be sent"):
        read_streams(path)
