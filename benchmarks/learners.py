"""What a service's processes that learn take, all together."""

from collections.abc import Callable
from contextlib import suppress

import psutil


def memory_mb(service: psutil.Process) -> float:
    """Megabytes; a page that several of them have counts once, where the system tells."""
    return _sum(service, _own_bytes) / 1e6


def processor_s(service: psutil.Process) -> float:
    """Seconds of a processor since they began."""
    return _sum(service, _processor_s)


def _sum(service: psutil.Process, figure: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in service.children(recursive=True):
        with suppress(psutil.Error):  # one that has just ended
            total += figure(process)
    return total


def _own_bytes(process: psutil.Process) -> float:
    info = process.memory_full_info()
    return float(info.pss if psutil.LINUX else info.uss)


def _processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)
