"""Send a Muse recording with mne-lsl's `PlayerLSL`, in volts, as that player does.

Runs as a process of its own; writes one JSON line when the stream is up; plays until it is ended.
"""

import json
import signal
import sys
import threading
from pathlib import Path

import mne
import numpy as np
from mne_lsl.player import PlayerLSL

from hadua.adapters.datasets.muse_csv import RATE_HZ, read_muse_csv

CHUNK = 16


def main() -> None:
    path, name, source_id = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    recording = read_muse_csv(path)
    labels = list(recording.labels[:4])
    info = mne.create_info(labels, RATE_HZ, "eeg", verbose="error")
    volts = np.ascontiguousarray(recording.x_uv[:, :4].T) * 1e-6
    raw = mne.io.RawArray(volts, info, verbose="error")
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())
    player = PlayerLSL(raw, chunk_size=CHUNK, name=name, source_id=source_id, n_repeat=np.inf)
    player.start()
    sys.stdout.write(json.dumps({"ready": True, "name": name}) + "\n")
    sys.stdout.flush()
    over.wait()
    player.stop()


if __name__ == "__main__":
    main()
