"""How long a window took, from the arrival of its last sample to the clients' senders."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping

import numpy as np

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality
from hadua.service.wire import LatencySummary

KEPT_CHUNKS = 1024
KEPT_TOTALS = 1024


class ArrivalLog:
    """When samples arrived: answers when the last sample before a given instant did."""

    def __init__(self) -> None:
        self._first_s: dict[Modality, deque[float]] = {}
        self._arrived_s: dict[Modality, deque[float]] = {}

    def add(self, modality: Modality, chunk: SampleChunk, *, arrived_s: float) -> None:
        """Note a chunk; chunks of one modality come in the order of time."""
        if len(chunk):
            firsts = self._first_s.setdefault(modality, deque(maxlen=KEPT_CHUNKS))
            firsts.append(float(chunk.t_s[0]))
            arrivals = self._arrived_s.setdefault(modality, deque(maxlen=KEPT_CHUNKS))
            arrivals.append(arrived_s)

    def last_before(self, end_s: float) -> float | None:
        """Arrival of the latest sample stamped before `end_s`, of whichever modality.

        None if nothing that old is remembered.
        """
        arrivals = [
            self._arrived_s[modality][k - 1]
            for modality, firsts in self._first_s.items()
            if (k := bisect_left(firsts, end_s)) > 0
        ]
        return max(arrivals, default=None)


def stages_ms(
    *,
    last_sample_s: float,
    trigger_s: float,
    taken_s: float,
    published_s: float,
    stage_ms: Mapping[str, float],
) -> dict[str, float]:
    """Latency by stage; the stages add up to `total`.

    Args:
        last_sample_s: Arrival of the window's last sample.
        trigger_s: Arrival of the chunk that completed the window; `wait` is how much later.
        taken_s: When the pipeline took that chunk; `queue` is how much later.
        published_s: When the prediction goes to the clients' senders.
        stage_ms: What the pipeline itself measured; `route` is what remains.
    """
    # The chunk with the last sample may itself have completed the window: then nothing waited.
    total = (published_s - last_sample_s) * 1e3
    wait = max(0.0, trigger_s - last_sample_s) * 1e3
    queue = (taken_s - max(trigger_s, last_sample_s)) * 1e3
    route = total - wait - queue - sum(stage_ms.values())
    return {"wait": wait, "queue": queue, **stage_ms, "route": route, "total": total}


class LatencyTotals:
    """Quantiles of the latest totals."""

    def __init__(self) -> None:
        self._totals_ms: deque[float] = deque(maxlen=KEPT_TOTALS)

    def add(self, total_ms: float) -> None:
        """Note one prediction's total."""
        self._totals_ms.append(total_ms)

    def summary(self) -> LatencySummary | None:
        """p50, p95 and p99, or None before the first prediction."""
        if not self._totals_ms:
            return None
        p50, p95, p99 = np.quantile(np.array(self._totals_ms), (0.5, 0.95, 0.99)).tolist()
        return LatencySummary(n=len(self._totals_ms), p50_ms=p50, p95_ms=p95, p99_ms=p99)
