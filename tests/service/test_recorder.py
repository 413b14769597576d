"""A recorder writes all that it is given, or fails loudly; it stops before the disk is full."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from support.recordings import (
    Clock,
    Disk,
    FakeSink,
    load,
    on_disk,
    recorder,
    samples,
    stamps,
    texts,
)
from support.service import EEG, GAZE, ramp

from hadua.adapters.recordings.layout import Step, StepEvent
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Marked
from hadua.service.recorder import LOOK_EVERY_S, Recorder, RecordingState
from hadua.service.recording_file import RecordingFailedError
from hadua.service.recording_log import Note

HEADER = (
    "<info><name>amp</name><type>EEG</type><channel_count>1</channel_count><nominal_srate>10"
    "</nominal_srate><channel_format>{}</channel_format><desc><cap>C64</cap></desc></info>"
)


def amplifier(channel_format: str) -> StreamSpec:
    return StreamSpec("amp", (Channel("CZ"),), 10.0, header=HEADER.format(channel_format))


def eeg(start: int, stop: int) -> Arrival:
    return Arrival(Modality.EEG, ramp(EEG, start, stop), 0.0, first=start)


def chunk(spec: StreamSpec, values: list[float], first: int) -> Arrival:
    t_s = np.arange(first, first + len(values)) / 10.0
    return Arrival(Modality.EEG, SampleChunk(spec, t_s, np.array(values)[:, None]), 0.0, first)


def wait_until(condition: Callable[[], object]) -> None:
    done = threading.Event()
    for _ in range(2000):
        if condition():
            return
        done.wait(0.005)
    raise AssertionError("it did not come to pass")


def test_everything_that_is_put_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.xdf"
    writing = on_disk(path, clock=Clock(), disk=Disk())
    for k in range(50):
        writing.hear(eeg(k * 10, k * 10 + 10))
        writing.hear(Marked(()))  # markers come as frames
        writing.hear(Arrival(Modality.EYE, ramp(GAZE, 7 + k, 8 + k), 0.0, first=7 + k))
        writing.put(Step(Modality.EYE, StepEvent.SAMPLES, k / 50.0, 7 + k, 1, k == 3))
    writing.stop("asked to", last=[Note(1.0, '{"event":"end"}')])
    assert writing.join(10.0)

    read = load(path)
    np.testing.assert_array_equal(stamps(read["fake EEG"]), np.arange(500) / 100.0)
    np.testing.assert_array_equal(samples(read["fake EEG"])[:, 0], np.arange(500))
    np.testing.assert_array_equal(samples(read["fake gaze"])[:, 0], np.arange(7, 57))
    steps = samples(read["HADUA-steps"])
    np.testing.assert_array_equal(steps[:, 2], np.arange(50))  # from the recording's beginning
    assert steps[3].tolist() == [1, 0, 3, 1, 1]
    assert texts(read["HADUA-session"]) == ['{"event":"end"}']
    status = writing.status()
    assert (status.state, status.note) == ("stopped", "asked to")
    assert status.samples == {"eeg": 500, "eye": 50}
    assert status.size_bytes == path.stat().st_size
    writing.put(eeg(500, 510))  # nothing happens
    assert status.waiting_mb == 0.0


def test_a_devices_own_header_and_format_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    writing = on_disk(path, clock=Clock(), disk=Disk())
    writing.hear(chunk(amplifier("float32"), [0.5, np.nan, -1.5], 0))
    writing.stop("asked to")
    assert writing.join(10.0)

    info = load(path)["amp"]["info"]
    assert isinstance(info, dict)
    assert info["channel_format"] == ["float32"]
    assert info["desc"][0]["cap"] == ["C64"]
    assert info["desc"][0]["hadua"][0]["modality"] == ["eeg"]


def test_a_value_that_does_not_fit_the_format_begins_another_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    writing = on_disk(path, clock=Clock(), disk=Disk())
    spec = amplifier("int16")
    for k, values in enumerate(([1.0, 2.0], [3.0, 0.1], [5.0, 6.0])):
        writing.hear(chunk(spec, values, 2 * k))
    writing.stop("asked to")
    assert writing.join(10.0)

    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    parts = [s for s in streams if s["info"]["name"] == ["amp"]]
    assert [p["info"]["channel_format"] for p in parts] == [["int16"], ["double64"]]
    both = np.concatenate([samples(p)[:, 0] for p in parts])
    assert both.tolist() == [1.0, 2.0, 3.0, 0.1, 5.0, 6.0]


def test_when_more_waits_than_there_is_room_for_it_fails() -> None:
    gate = threading.Event()
    sink = FakeSink(gate=gate)
    writing = recorder(sink, clock=Clock(), disk=Disk(), bound_mb=0.1)
    for k in range(100):
        writing.hear(eeg(k * 100, k * 100 + 100))
    gate.set()
    assert writing.join(10.0)

    assert isinstance(writing.error, RecordingFailedError)
    assert "the disk is too slow" in str(writing.error)
    assert writing.status().state == "failed"
    assert sink.closed.is_set()


def test_a_disk_that_refuses_fails_the_recording() -> None:
    sink = FakeSink(fail_after=20_000)
    writing = recorder(sink, clock=Clock(), disk=Disk())
    for k in range(100):
        writing.hear(eeg(k * 100, k * 100 + 100))
    wait_until(lambda: writing.error)
    assert writing.join(10.0)
    assert "no space" in writing.status().note
    assert writing.state is RecordingState.FAILED


def look(writing: Recorder, clock: Clock, sink: FakeSink) -> None:
    """Let the recorder look at its disk once."""
    before = sink.syncs
    clock.now_s += LOOK_EVERY_S
    wait_until(lambda: sink.syncs > before or writing.over)


def test_it_warns_then_stops_in_good_order_before_the_disk_is_full() -> None:
    clock, disk, sink = Clock(), Disk(5000.0), FakeSink()
    writing = recorder(sink, clock=clock, disk=disk)
    writing.hear(eeg(0, 100))
    look(writing, clock, sink)
    assert writing.warning == ""
    disk.free_mb = 1500.0
    look(writing, clock, sink)
    wait_until(lambda: writing.warning)
    assert writing.status().note == "1500 MB left on the disk: recording stops at 1000 MB"
    disk.free_mb = 2500.0
    look(writing, clock, sink)
    wait_until(lambda: not writing.warning)
    disk.free_mb = 900.0
    look(writing, clock, sink)
    assert writing.join(10.0)

    assert writing.error is None
    assert writing.status().state == "stopped"
    assert writing.status().note == "the disk is nearly full: 900 MB left"
    assert sink.data.count(b"<sample_count>") == 5  # every stream has its footer


@pytest.mark.parametrize("how", ["removed", "replaced", "cut"])
def test_a_file_that_does_not_grow_fails_the_recording(how: str, tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "a.xdf"
    writing = on_disk(path, clock=clock, disk=Disk())
    writing.hear(eeg(0, 100))
    wait_until(lambda: path.stat().st_size > 0)
    if how == "cut":
        with path.open("r+b") as file:
            file.truncate(100)
    else:
        path.unlink()
        if how == "replaced":
            path.write_bytes(b"another")
    writing.hear(eeg(100, 200))
    clock.now_s += LOOK_EVERY_S
    assert writing.join(10.0)
    assert isinstance(writing.error, RecordingFailedError)
    expected = "not there any more" if how == "removed" else "does not grow"
    assert expected in str(writing.error)


def test_a_fault_of_the_recorder_is_no_silent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()

    def broken(data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sink, "write", broken)
    writing = recorder(sink, clock=Clock(), disk=Disk())
    writing.hear(eeg(0, 100))
    assert writing.join(10.0)
    assert "internal error: got ZeroDivisionError" in str(writing.error)
