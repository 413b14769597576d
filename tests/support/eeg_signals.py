"""EEG streams for tests: the real Muse recordings, and specs by label."""

import gzip
from pathlib import Path

import numpy as np

from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.features import FloatArray

MUSE_LABELS = ("TP9", "AF7", "AF8", "TP10", "Right AUX")
MUSE_RATE_HZ = 256.0


def eeg_stream(
    *labels: str, rate_hz: float = 256.0, unit: str = "microvolts", synthesised: bool = False
) -> StreamSpec:
    channels = tuple(Channel(label, kind="EEG", unit=unit) for label in labels)
    return StreamSpec("test", channels, rate_hz, type="EEG", synthesised_labels=synthesised)


def read_muse(recordings: Path, *, session: int = 0) -> tuple[FloatArray, FloatArray]:
    """`(n,)` time stamps and `(n, 5)` microvolts of one real Muse recording."""
    path = sorted((recordings / "muse_ssvep").glob("*.csv.gz"))[session]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        table = np.genfromtxt(lines, delimiter=",", names=True)
    names = [n for n in table.dtype.names or () if n not in ("timestamps", "Marker0")]
    return table["timestamps"], np.stack([table[n] for n in names], axis=1)[:, :5]


def chunks(
    stream: StreamSpec, t_s: FloatArray, x: FloatArray, *, size: int = 12
) -> list[SampleChunk]:
    return [
        SampleChunk(stream, t_s[i : i + size].copy(), x[i : i + size].copy())
        for i in range(0, len(t_s), size)
    ]


def noise(n: int, *, columns: int = 5, seed: int = 0) -> FloatArray:
    """`(n, columns)` white noise of 10 microvolts."""
    return np.random.default_rng(seed).standard_normal((n, columns)) * 10.0
