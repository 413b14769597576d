"""What one session has lost, passed on to the metrics."""

from collections.abc import Mapping

from prometheus_client import Counter

from hadua.models.features import Modality
from hadua.service.bridge import Bridge
from hadua.service.metrics import Metrics


class Losses:
    """Of one session; on the event loop.

    Args:
        bridge: Which counts what it drops.
        metrics: Counted into.
    """

    def __init__(self, bridge: Bridge, metrics: Metrics) -> None:
        self._bridge, self._metrics = bridge, metrics
        self._known: dict[Counter, int] = {}  # how much of each the metrics have

    def count(self, of_pipeline: Mapping[str, int]) -> None:
        """Add what was lost since the last time.

        Args:
            of_pipeline: What was lost inside of it, by kind, since the start.
        """
        metrics = self._metrics
        now = {metrics.lost.labels(kind): n for kind, n in of_pipeline.items()}
        for m in Modality:
            now[metrics.chunks_dropped.labels(str(m))] = self._bridge.dropped(m)
            now[metrics.chunks_before_start.labels(str(m))] = self._bridge.dropped_before_start(m)
        for counter, n in now.items():
            counter.inc(max(n - self._known.get(counter, 0), 0))
        self._known = now
