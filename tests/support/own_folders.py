"""Folders of a laboratory's recordings: XDF files of simulated people and a table of labels."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from support.xdf_writer import XdfStream, write_xdf

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.simulator import Simulation, make_pair
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk
from hadua.models.features import FloatArray, Modality

HEADER = "file,start_s,end_s,label"
CHANNELS = ("CZ", "FP1", "O1")


def write_table(root: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    """`labels.csv` with these lines."""
    path = root / "labels.csv"
    path.write_bytes("\r\n".join([header, *lines, ""]).encode(encoding))
    return path


def touch(root: Path, *files: str) -> None:
    """Files of these names; what is in them is never looked at."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"")


@cache
def simulated(person: int, seconds: float) -> Mapping[Modality, Sequence[SampleChunk]]:
    """EEG and gaze of a simulated person from 1000 s on."""
    chunks: dict[Modality, list[SampleChunk]] = {}
    for source in make_pair(
        Simulation(person=person, seed=5), origin_s=1000.0, speed=None, duration_s=seconds
    ):
        source.open(1.0)
        mine = chunks.setdefault(source.modality, [])
        try:
            while (chunk := source.read(1.0)) is not None:
                mine.append(chunk)
        except EndOfStreamError:
            source.close()
    return chunks


def eeg_stream(
    person: int,
    *,
    seconds: float = 12.0,
    channels: Sequence[str] = CHANNELS,
    gap_s: float = 0.0,
    name: str = "Amp",
) -> XdfStream:
    """Channels of a simulated person at 250 Hz, with a gap in the middle if wanted."""
    chunks = simulated(person, seconds)[Modality.EEG]
    x = np.concatenate([c.x for c in chunks])[::4, [SEED_62.index(c) for c in channels]]
    stamp_s: FloatArray = np.concatenate([c.t_s for c in chunks])[::4].copy()
    stamp_s[len(stamp_s) // 2 :] += gap_s
    return XdfStream(name, "EEG", 250.0, stamp_s, x, tuple(channels), block=250)


def gaze_stream(person: int, *, seconds: float = 12.0) -> XdfStream:
    """The gaze of a simulated person, labels only."""
    chunks = simulated(person, seconds)[Modality.EYE]
    x, stamp_s = np.concatenate([c.x for c in chunks]), np.concatenate([c.t_s for c in chunks])
    return XdfStream("Eye", "Gaze", 120.0, stamp_s, x, chunks[0].spec.labels, block=120)


def write_recording(path: Path, *streams: XdfStream) -> Path:
    """An XDF file of these streams."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_xdf(path, streams)
    return path
