"""What the measured service says of itself in `/metrics`: losses, and how late its loop is."""

import math
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from hadua.service.certify.measured import QUANTILES

_LAG = "hadua_loop_lag_seconds"
_LOSSES = {
    "hadua_chunks_dropped": "chunks_dropped",
    "hadua_lost": "windows_and_samples_lost_inside",
    "hadua_frames_dropped": "frames_dropped",
    "hadua_sessions_failed": "sessions_failed",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One look.

    Args:
        losses: Counts by kind.
        lag: Counts of the loop's lags up to each bound in seconds.
    """

    losses: dict[str, float]
    lag: dict[float, float]

    @classmethod
    def of(cls, text: str) -> "Said":
        """What the text says."""
        losses = dict.fromkeys(_LOSSES.values(), 0.0)
        lag: dict[float, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"{_LAG}_bucket":
                    lag[float(sample.labels["le"])] = sample.value
                elif family.name in _LOSSES and sample.name == f"{family.name}_total":
                    losses[_LOSSES[family.name]] += sample.value
        return cls(losses, lag)

    def lost_since(self, before: "Said") -> dict[str, int]:
        """What was lost between two looks."""
        return {kind: round(n - before.losses.get(kind, 0.0)) for kind, n in self.losses.items()}

    def lag_ms_since(self, before: "Said") -> tuple[float, ...] | None:
        """Upper bounds of the loop's lag at `QUANTILES`, in ms; None if nothing was seen.

        The bounds are those of the histogram's buckets: the truth lies below.
        """
        counts = {bound: n - before.lag.get(bound, 0.0) for bound, n in self.lag.items()}
        total = counts.get(math.inf, 0.0)
        if total <= 0.0:
            return None
        bounds = sorted(counts)
        finite = [b for b in bounds if math.isfinite(b)]
        found = (next(b for b in bounds if counts[b] >= q * total) for q in QUANTILES)
        return tuple(1e3 * (b if math.isfinite(b) else finite[-1]) for b in found)
