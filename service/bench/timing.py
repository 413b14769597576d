"""How every row is timed: each call on its own, hot or paced, reported as quantiles."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Call = Callable[[], object]
WARM_UP = 20
PACE_S = 0.02
_LEAST_FOR_P999 = 1000


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of times, in whatever unit they came; `p999` is None of fewer than a thousand."""

    p50: float
    p99: float
    n: int
    p999: float | None = None

    @classmethod
    def of(cls, times: Sequence[float]) -> "Quantiles":
        """Of these times."""
        p50, p99, p999 = np.quantile(np.array(times), (0.5, 0.99, 0.999)).tolist()
        return cls(p50, p99, len(times), p999 if len(times) >= _LEAST_FOR_P999 else None)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something is called.

    Args:
        rounds: How many times each.
        pause_s: Before each call: 0 is hot. Paced, caches are cold, as they are once per hop in the
            service.
    """

    rounds: int
    pause_s: float = 0.0

    @property
    def words(self) -> str:
        """For the table."""
        return f"paced, {1e3 * self.pause_s:g} ms apart" if self.pause_s else "hot"


def in_turn(
    calls: Mapping[str, Call], *, rounds: int = 2000, pause_s: float = 0.0
) -> dict[str, Quantiles]:
    """Time the calls in turn, A B A B, so that a drift of the machine meets all of them alike.

    Returns:
        Microseconds, by name.
    """
    us: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(min(rounds, WARM_UP)):
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
