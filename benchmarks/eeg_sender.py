"""An amplifier's program: 62 channels of made-up EEG over LSL, in a process of its own.

It says on stdout, one JSON line each, when its first sample is stamped, and again after each time
that it was frozen: what it would have measured meanwhile is lost, as with a device whose buffer is
short.
"""

import argparse
import json
import sys
import time

import numpy as np
import pylsl

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.simulated_scalp import mixing
from hadua.models.features import FloatArray

CHUNK_S = 0.02
FROZEN_S = 0.5
LOOP_S = 8.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source_id")
    parser.add_argument("--rate", type=float, default=250.0)
    parser.add_argument("--reversed", action="store_true", help="the channels in another order")
    given = parser.parse_args()
    labels = SEED_62[::-1] if given.reversed else SEED_62
    send(outlet_of(given.source_id, labels, given.rate), rate_hz=given.rate)


def outlet_of(source_id: str, labels: tuple[str, ...], rate_hz: float) -> pylsl.StreamOutlet:
    info = pylsl.StreamInfo("EEG", "EEG", len(labels), rate_hz, pylsl.cf_float32, source_id)
    channels = info.desc().append_child("channels")
    for label in labels:
        channel = channels.append_child("channel")
        for key, value in (("label", label), ("type", "EEG"), ("unit", "microvolts")):
            channel.append_child_value(key, value)
    return pylsl.StreamOutlet(info)


def send(outlet: pylsl.StreamOutlet, *, rate_hz: float) -> None:
    """Send for ever, in real time."""
    signal = made_up(round(LOOP_S * rate_hz), rate_hz).astype(np.float32)
    start_s, sent = pylsl.local_clock(), 0
    tell(start_s)
    while True:
        time.sleep(CHUNK_S)
        due = int((pylsl.local_clock() - start_s) * rate_hz)
        if due - sent > FROZEN_S * rate_hz:
            start_s, sent, due = pylsl.local_clock() - 1.0 / rate_hz, 0, 1
            tell(start_s)
        if due > sent:
            rows = np.arange(sent, due) % len(signal)
            outlet.push_chunk(signal[rows], start_s + (due - 1) / rate_hz)
            sent = due


def made_up(n: int, rate_hz: float) -> FloatArray:
    """`(n, 62)` microvolts that pass for EEG: slow, and alike where electrodes are near."""
    sources = np.random.default_rng(7).standard_normal((n, len(SEED_62)))
    slow = np.exp(-2 * np.pi * 6.0 / rate_hz)
    for k in range(1, n):
        sources[k] += slow * sources[k - 1]
    return np.asarray(12.0 * np.sqrt(1 - slow**2) * sources @ mixing().T)


def tell(first_s: float) -> None:
    sys.stdout.write(json.dumps({"first_s": first_s}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
