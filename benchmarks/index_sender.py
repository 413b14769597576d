"""Sends 62 channels of which the first is the sample's own number, in a process of its own.

    python index_sender.py SOURCE_ID RATE_HZ SECONDS

Waits for a receiver, sends as many samples as it was told to, says so, and stays until it is ended.
"""

import sys
import time

import numpy as np
import pylsl
from eeg_sender import made_up, outlet_of

from hadua.adapters.devices.montage import SEED_62

CHUNK_S = 0.01
LOOP_S = 8.0


def main() -> None:
    source_id, rate_hz, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    outlet = outlet_of(source_id, SEED_62, rate_hz)
    signal = made_up(round(LOOP_S * rate_hz), rate_hz).astype(np.float32)
    say("up")
    if not outlet.wait_for_consumers(60.0):
        raise SystemExit("nobody listens")
    send(outlet, signal, rate_hz=rate_hz, n=round(rate_hz * seconds))
    say("sent")
    sys.stdin.readline()  # an outlet that goes takes with it what is still on the way


def send(
    outlet: pylsl.StreamOutlet, signal: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    *, rate_hz: float, n: int,
) -> None:  # fmt: skip
    start_s, sent = pylsl.local_clock(), 0
    while sent < n:
        time.sleep(CHUNK_S)
        due = min(n, int((pylsl.local_clock() - start_s) * rate_hz))
        if due > sent:
            rows = signal[np.arange(sent, due) % len(signal)]
            rows[:, 0] = np.arange(sent, due)
            outlet.push_chunk(rows, start_s + (due - 1) / rate_hz)
            sent = due


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
