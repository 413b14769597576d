"""A synthetic amplifier and tracker for several people, over LSL, in a process of its own.

It says on stdout when everything is there, and then once a second how late it was itself. Signals
are made beforehand, so that sending is all that it does.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.lsl_library import pylsl
from hadua.models.features import FloatArray

CHUNK_S = 0.02
SAY_S = 1.0
LOOP_S = 8.0
GAZE_RATE_HZ = 120.0
_GAZE = (
    ("left_gaze_x", "left", "ScreenX", "normalized"),
    ("left_gaze_y", "left", "ScreenY", "normalized"),
    ("left_pupil", "left", "Diameter", "millimeters"),
    ("right_gaze_x", "right", "ScreenX", "normalized"),
    ("right_gaze_y", "right", "ScreenY", "normalized"),
    ("right_pupil", "right", "Diameter", "millimeters"),
)


def main() -> None:
    """Send until whoever started this ends it, or for as long as it was told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix")
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    eeg, gaze = made_eeg(given.channels, given.rate), made_gaze()
    lines = [
        line
        for k in range(given.people)
        for line in (
            _Line.of(f"{given.prefix}-{k}-eeg", "EEG", eeg_labels(given.channels), given.rate, eeg),
            _Line.of(f"{given.prefix}-{k}-gaze", "Gaze", _GAZE, GAZE_RATE_HZ, gaze),
        )
    ]
    _say({"ready": [line.source_id for line in lines]})
    _send(lines, given.seconds)


class _Outlet(Protocol):
    def push_chunk(self, x: FloatArray, timestamp: float) -> None: ...


@dataclass(slots=True)
class _Line:
    source_id: str
    outlet: _Outlet
    rate_hz: float
    signal: FloatArray
    sent: int = 0

    @classmethod
    def of(
        cls,
        source_id: str,
        kind: str,
        channels: tuple[tuple[str, str, str, str], ...],
        rate_hz: float,
        signal: FloatArray,
    ) -> "_Line":
        lsl = pylsl()
        n = len(channels)
        info = lsl.StreamInfo(source_id, kind, n, rate_hz, lsl.cf_float32, source_id)
        described = info.desc().append_child("channels")
        for label, eye, what, unit in channels:
            channel = described.append_child("channel")
            for tag, text in (("label", label), ("eye", eye), ("type", what), ("unit", unit)):
                if text:
                    channel.append_child_value(tag, text)
        return cls(source_id, lsl.StreamOutlet(info), rate_hz, signal)

    def push(self, now_s: float, start_s: float) -> None:
        due = int((now_s - start_s) * self.rate_hz)
        if due > self.sent:
            rows = np.arange(self.sent, due) % len(self.signal)
            stamp_s = start_s + (due - 1) / self.rate_hz
            self.outlet.push_chunk(self.signal[rows], stamp_s)
            self.sent = due


def _send(lines: list[_Line], seconds: float) -> None:
    """Send in real time, and say how late that was, which is no fault of the service."""
    clock = pylsl().local_clock
    start_s, late_s = clock(), 0.0
    next_s, say_s = start_s, start_s + SAY_S
    while (now_s := clock()) - start_s < seconds:
        late_s = max(late_s, now_s - next_s)
        if now_s >= say_s:
            _say({"late_s": late_s})
            late_s, say_s = 0.0, now_s + SAY_S
        for line in lines:
            line.push(now_s, start_s)
        next_s = now_s + CHUNK_S
        time.sleep(max(0.0, next_s - clock()))


def eeg_labels(channels: int) -> tuple[tuple[str, str, str, str], ...]:
    """The model's electrodes first; further ones, that it has no use for, after them."""
    further = tuple(f"X{k + 1}" for k in range(max(0, channels - len(SEED_62))))
    return tuple((label, "", "EEG", "microvolts") for label in (*SEED_62, *further)[:channels])


def made_eeg(channels: int, rate_hz: float) -> FloatArray:
    """`(n, channels)` microvolts: slow noise, alike where numbers are near, as electrodes are."""
    n = round(LOOP_S * rate_hz)
    draw = np.random.default_rng(7)
    spectrum = np.fft.rfft(draw.standard_normal((n, channels)), axis=0)
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)[:, None]
    spectrum *= np.where(hz > 0.5, 1.0 / np.maximum(hz, 4.0), 0.0)
    x = np.fft.irfft(spectrum, n, axis=0)
    x += np.roll(x, 1, axis=1) + np.roll(x, 2, axis=1)
    return np.asarray((12.0 * x / x.std()).astype(np.float32))


def made_gaze() -> FloatArray:
    """`(n, 6)`: a point that rests and jumps, and two pupils that breathe."""
    n = round(LOOP_S * GAZE_RATE_HZ)
    draw = np.random.default_rng(8)
    held = np.repeat(draw.uniform(0.2, 0.8, (n // 40 + 1, 2)), 40, axis=0)[:n]
    point = held + 0.001 * draw.standard_normal((n, 2))
    pupil = 3.5 + 0.2 * np.sin(2.0 * np.pi * 0.25 * np.arange(n) / GAZE_RATE_HZ)[:, None]
    return np.concatenate((point, pupil, point, pupil), axis=1).astype(np.float32)


def _say(told: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
