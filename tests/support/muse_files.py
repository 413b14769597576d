"""Small Muse recordings in the format of the real ones."""

import gzip
from pathlib import Path

import numpy as np

HEADER = "timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker0"


def muse_text(*, seconds: float = 12.0, seed: int = 0, every_s: float = 3.5) -> str:
    """Noise at 256 Hz, its power raised after every marker 2; markers 1, 2, 1, 2, ..."""
    rng = np.random.default_rng(seed)
    n = round(256 * seconds)
    t_s = 100.0 + np.arange(n) / 256.0
    every = round(256 * every_s)
    markers = np.zeros(n, np.int64)
    onsets = np.arange(64, n, every)
    markers[onsets] = 1 + np.arange(len(onsets)) % 2
    strong = np.repeat(markers[onsets], every)[: n - 64] == 2
    x = rng.standard_normal((n, 5)) * 3.0  # white: much more of it would be taken for muscle
    x[64:][strong] *= 3.0
    rows = (
        ",".join([f"{t:.3f}", *(f"{v:.3f}" for v in row), f"{marker}"])
        for t, row, marker in zip(t_s, x, markers, strict=True)
    )
    return "\n".join([HEADER, *rows]) + "\n"


def write_muse(path: Path, text: str) -> Path:
    """Write a recording, gzipped if the name says so."""
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path
