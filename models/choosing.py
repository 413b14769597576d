"""Which device a model runs on where nobody says so: the one that is faster here, now.

A GPU that is there need not be the faster one. For one window of one person the way to the GPU and
back takes longer than the network does on a processor; for many at once that turns around.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from hadua.models.errors import BundleError, RuntimeUnavailableError
from hadua.models.features import BoolArray
from hadua.models.runtime import Float32Array, Runtime

Device = Literal["cpu", "cuda"]
Inputs = tuple[Float32Array, Float32Array, BoolArray]
Loaders = Mapping[Device, Callable[[], Runtime]]

ROUNDS = 31
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a model runs, and why.

    Args:
        device: The device.
        reason: Why, in words.
        median_us: What a call took on each device that could run it.
    """

    device: Device
    reason: str
    median_us: Mapping[Device, float]


def fastest(
    loaders: Loaders, inputs: Inputs, *, clock: Callable[[], float] = time.perf_counter
) -> tuple[Runtime, Choice]:
    """Load a model on every device, time it in turns, and keep the faster one.

    A device that cannot run it is left out, and the reason says why.

    Args:
        loaders: Loads the model, by device; the CPU must be there.
        inputs: What it is timed on.
        clock: Seconds, monotonic.

    Raises:
        RuntimeUnavailableError, BundleError: the CPU cannot run it.
    """
    runtimes: dict[Device, Runtime] = {"cpu": loaders["cpu"]()}
    failed: dict[Device, str] = {}
    for device in loaders:
        if device != "cpu":
            try:
                runtimes[device] = _tried(loaders[device], inputs)
            except (RuntimeUnavailableError, BundleError) as error:
                failed[device] = str(error)
    took_us = _medians_us(runtimes, inputs, clock) if len(runtimes) > 1 else {}
    device = min(took_us, key=lambda d: took_us[d]) if took_us else "cpu"
    for other, runtime in runtimes.items():
        if other != device:
            runtime.close()
    return runtimes[device], Choice(device, _reason(device, took_us, failed), took_us)


def _tried(load: Callable[[], Runtime], inputs: Inputs) -> Runtime:
    """A runtime that has answered once: some fail only then, for want of memory or of a kernel."""
    runtime = load()
    try:
        runtime.logits(*inputs)
    except (RuntimeUnavailableError, BundleError):
        runtime.close()
        raise
    return runtime


def _medians_us(
    runtimes: Mapping[Device, Runtime], inputs: Inputs, clock: Callable[[], float]
) -> dict[Device, float]:
    """In turns, so that a drift of the machine meets both alike."""
    took_s: dict[Device, list[float]] = {device: [] for device in runtimes}
    for k in range(WARM_UP + ROUNDS):
        for device, runtime in runtimes.items():
            began_s = clock()
            runtime.logits(*inputs)
            if k >= WARM_UP:
                took_s[device].append(clock() - began_s)
    return {device: 1e6 * median(times_s) for device, times_s in took_s.items()}


def _reason(device: Device, took_us: Mapping[Device, float], failed: Mapping[Device, str]) -> str:
    if took_us:
        figures = ", ".join(f"{name} {us:.0f} us" for name, us in took_us.items())
        return f"{device} is the faster one here: {figures} a window"
    if failed:
        return "; ".join(f"{name} cannot be used: {why}" for name, why in failed.items())
    return "there is no other device"
