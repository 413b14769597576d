"""mne-lsl as a receiver in a process of its own: what its stream gets of one outlet, as JSON."""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path


def configure() -> None:
    """On the loopback alone mne-lsl's liblsl finds one outlet of a machine: name the machine."""
    given = Path(os.environ["LSLAPICFG"]).read_text(encoding="utf-8")
    own = Path(tempfile.mkdtemp(prefix="hadua-mne-")) / "lsl_api.cfg"
    own.write_text(given.replace("[lab]", "[lab]\nKnownPeers = {127.0.0.1}"), encoding="utf-8")
    os.environ["LSLAPICFG"] = str(own)


def receive(name: str, n: int) -> dict[str, object]:
    """Connect, say so, and wait for n samples."""
    from mne_lsl.stream import StreamLSL

    stream = StreamLSL(bufsize=n, name=name)
    stream.connect(acquisition_delay=0.01, timeout=20.0)
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    deadline_s = time.monotonic() + 30.0
    while stream.n_new_samples < n and time.monotonic() < deadline_s:
        time.sleep(0.01)
    x, t_s = stream.get_data(winsize=n)
    labels, rate_hz = stream.ch_names, stream.info["sfreq"]
    stream.disconnect()
    return {"labels": labels, "rate_hz": rate_hz, "x": x.T.tolist(), "t_s": t_s.tolist()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("n", type=int)
    asked = parser.parse_args()
    configure()
    sys.stdout.write(json.dumps(receive(asked.name, asked.n)) + "\n")
