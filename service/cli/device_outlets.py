"""Outlets of imitated devices: opened, fed at the devices' own rates, and closed by a signal."""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.simulated import Samples, Signal, SimulatedDevice, SimulatedOutlet
from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_library import pylsl

_POLL_S = 0.005


class Outlet(Protocol):
    """`pylsl.StreamOutlet`, as far as it is used here."""

    def push_chunk(self, x: npt.NDArray[np.generic], timestamp: float) -> None:
        """Send samples `(n, n_channels)`, the last one stamped."""
        ...

    def push_sample(self, x: Sequence[str], timestamp: float) -> None:
        """Send one sample."""
        ...


@dataclass(slots=True)
class _Feed:
    """One outlet and how much went through it."""

    said: SimulatedOutlet
    outlet: Outlet
    sent: int = 0

    def send_due(self, elapsed_s: float, *, origin_s: float, signal: Signal) -> None:
        """Send every whole chunk that is due by now."""
        rate_hz, size = self.said.rate_hz, self.said.chunk
        while self.sent + size <= int(elapsed_s * rate_hz):
            n = np.arange(self.sent, self.sent + size, dtype=np.int64)
            self.sent += size
            last_s = origin_s + (self.sent - 1) / rate_hz
            if self.said.format == "string":
                self.outlet.push_sample([f"event {self.sent}"], last_s)
                continue
            block = self.said.block(Samples(n, rate_hz, signal))
            self.outlet.push_chunk(block.astype(_TYPES[self.said.format]), last_s)


_TYPES = {"float32": np.float32, "double64": np.float64, "int32": np.int32}


@dataclass(slots=True)
class DeviceBroadcast:
    """The streams of imitated devices, from opening to a signal or the end.

    Args:
        devices: Which.
        signal: What they measure.
        duration_s: How long; None until a signal.
    """

    devices: Sequence[SimulatedDevice]
    signal: Signal
    duration_s: float | None
    stopped: bool = False
    feeds: list[_Feed] = field(default_factory=list)

    def open(self) -> None:
        """Take over the signals and make the outlets."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        outlets = [o for device in self.devices for o in (device.outlet, *device.beside)]
        self.feeds = [_Feed(said, open_outlet(said)) for said in outlets]

    def run(self) -> None:
        """Send until SIGINT, SIGTERM or the end."""
        origin_s = lsl_now_s()
        while not self.stopped:
            elapsed_s = lsl_now_s() - origin_s
            if self.duration_s is not None and elapsed_s >= self.duration_s:
                break
            for feed in self.feeds:
                feed.send_due(elapsed_s, origin_s=origin_s, signal=self.signal)
            time.sleep(_POLL_S)
        self.feeds.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stopped = True  # a plain flag: taking a lock in a signal handler can deadlock


def open_outlet(said: SimulatedOutlet) -> Outlet:
    """Make an outlet that says what the device's does."""
    info = pylsl().StreamInfo(
        *(said.name, said.type, len(said.channels), said.declared_hz, said.format, said.source_id)
    )
    description = info.desc()
    for path, text in said.says:
        *parents, last = path.split("/")
        element = description
        for parent in parents:
            found = element.child(parent)
            element = element.append_child(parent) if found.empty() else found
        element.append_child_value(last, text)
    described = [channel.says for channel in said.channels if channel.says is not None]
    if described:  # a device without labels has no such element at all
        channels = description.append_child("channels")
        for says in described:
            channel = channels.append_child("channel")
            for tag, text in says.items():
                channel.append_child_value(tag, text)
    outlet: Outlet = pylsl().StreamOutlet(info, chunk_size=said.chunk)
    return outlet
