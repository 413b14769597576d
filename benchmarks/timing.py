"""How every row is timed: each call on its own, hot or paced, reported as quantiles."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Microseconds."""

    p50: float
    p99: float
    n: int

    @classmethod
    def of(cls, us: list[float]) -> "Quantiles":
        p50, p99 = np.quantile(np.array(us), (0.5, 0.99)).tolist()
        return cls(p50, p99, len(us))


def in_turn(
    calls: Mapping[str, Callable[[], object]], *, rounds: int = 2000, pause_s: float = 0.0
) -> dict[str, Quantiles]:
    """Time the calls in turn, A B A B, so that a drift of the machine meets all of them alike.

    `pause_s` > 0 paces them: caches are cold then, as they are once per hop in the service.
    """
    us: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(20):
            call()
    gc.collect()
    for _ in range(rounds):
        for name, call in calls.items():
            if pause_s:
                time.sleep(pause_s)
            start = time.perf_counter_ns()
            call()
            us[name].append((time.perf_counter_ns() - start) / 1e3)
    return {name: Quantiles.of(values) for name, values in us.items()}
