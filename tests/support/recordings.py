"""Recorders on files that a test can make fail, and what a finished file holds."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyxdf

from hadua.adapters.recordings.xdf_encoder import XdfEncoder
from hadua.service.recorder import Limits, Recorder
from hadua.service.recording_file import RecordingFailedError, RecordingFile, Sink
from hadua.service.recording_log import RecordingLog

Stream = dict[str, object]


@dataclass
class FakeSink:
    """Keeps what is written; may block, fail, or stop growing."""

    path: Path = Path("fake.xdf")
    data: bytearray = field(default_factory=bytearray)
    gate: threading.Event | None = None
    fail_after: int | None = None
    closed: threading.Event = field(default_factory=threading.Event)
    syncs: int = 0

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def write(self, data: bytes) -> None:
        if self.gate is not None:
            self.gate.wait(10.0)
        if self.fail_after is not None and len(self.data) + len(data) > self.fail_after:
            raise RecordingFailedError("recording 'fake.xdf' cannot be written", got="no space")
        self.data += data

    def sync(self) -> None:
        self.syncs += 1

    def close(self) -> None:
        self.closed.set()


@dataclass
class Clock:
    """A clock that a test moves."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Disk:
    """Room that a test takes away."""

    free_mb: float = 5000.0

    def __call__(self) -> float:
        return self.free_mb


def recorder(
    sink: Sink, *, clock: Clock, disk: Disk, bound_mb: float = 64.0, min_free_mb: float = 1000.0
) -> Recorder:
    """A recorder that has begun."""
    log = RecordingLog(XdfEncoder(datetime="2026-11-26T12:00:00"), ("calm", "tense"), {}, clock())
    limits = Limits(min_free_mb=min_free_mb, bound_mb=bound_mb, free_mb=disk)
    made = Recorder(sink, log=log, limits=limits, clock=clock)
    made.start()
    return made


def on_disk(path: Path, *, clock: Clock, disk: Disk) -> Recorder:
    """A recorder that has begun, with a real file."""
    return recorder(RecordingFile(path), clock=clock, disk=disk)


def load(path: Path) -> dict[str, Stream]:
    """The streams of a file by name, as pyxdf reads them; their stamps as they are written."""
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    return {str(s["info"]["name"][0]): s for s in streams}


def stamps(stream: Stream) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Its stamps."""
    return np.asarray(stream["time_stamps"], np.float64)


def samples(stream: Stream) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Its samples, as float64."""
    return np.asarray(stream["time_series"], np.float64)


def texts(stream: Stream) -> list[str]:
    """Its strings, of one channel."""
    rows = stream["time_series"]
    assert isinstance(rows, list)
    return [row[0] for row in rows]


def only_file(folder: Path) -> Path:
    """The one recording in a folder."""
    (path,) = folder.rglob("*.xdf")
    return path
