"""What one level of load gave, and the limits that it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

QUANTILES = (0.5, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Limits:
    """What has to hold for a level to pass; the certificate states them.

    Args:
        p99_ms: From the arrival of a window's last sample to the client, 99 of 100 windows.
        p999_ms: The same, 999 of 1000.
        lag_p99_ms: By how much the event loop is late, 99 of 100 looks.
        lost: Samples and windows that may be lost, of all kinds together.
    """

    p99_ms: float = 50.0
    p999_ms: float = 100.0
    lag_p99_ms: float = 25.0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What a level asks of the machine.

    Args:
        people: Sessions at once.
        channels: EEG channels of each.
        rate_hz: EEG samples a second.
        gaze_rate_hz: Gaze samples a second.
        seconds: How long it was measured.
    """

    people: int
    channels: int
    rate_hz: float
    gaze_rate_hz: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Level:
    """One level as it was measured.

    Args:
        load: What was asked.
        decisions: Windows that the client got.
        expected: Windows that there should have been, for the time each session answered.
        labelled: Of the decisions, those with a label.
        arrival_ms: Arrival of a window's last sample to the client, at `QUANTILES`.
        window_ms: End of a window to the client, transport and waiting for the other stream
            included, at `QUANTILES`.
        longest_ms: The longest of the first.
        lag_ms: Of the event loop, at `QUANTILES`; None where nothing was seen.
        lost: What was lost, by kind.
        histogram: `arrival_ms` of every decision, counted: upper edges in ms and counts.
        sender_late_ms: How late the synthetic devices were themselves, at most.
        cpu_share: Of all cores, by the service.
    """

    load: Load
    decisions: int
    expected: int
    labelled: int
    arrival_ms: tuple[float, ...]
    window_ms: tuple[float, ...]
    longest_ms: float
    lag_ms: tuple[float, ...] | None
    lost: Mapping[str, int]
    histogram: tuple[tuple[float, int], ...]
    sender_late_ms: float
    cpu_share: float | None

    @property
    def decisions_per_s(self) -> float:
        """Of all people together."""
        return self.decisions / self.load.seconds

    def failures(self, limits: Limits) -> tuple[str, ...]:
        """Each limit that does not hold, in words; none if the level passes."""
        lag = self.lag_ms[1] if self.lag_ms else 0.0
        lost = sum(self.lost.values())
        kinds = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in self.lost.items() if n)
        rules = (
            (self.decisions == 0, "no decision came"),
            (self.arrival_ms[1] > limits.p99_ms, _over("p99", self.arrival_ms[1], limits.p99_ms)),
            (
                self.arrival_ms[2] > limits.p999_ms,
                _over("p99.9", self.arrival_ms[2], limits.p999_ms),
            ),
            (lag > limits.lag_p99_ms, _over("loop lag p99", lag, limits.lag_p99_ms)),
            (lost > limits.lost, f"lost: {kinds} (limit {limits.lost})"),
        )
        return tuple(words for broken, words in rules if broken)


def quantiles(values: Sequence[float]) -> tuple[float, ...]:
    """At `QUANTILES`; zeros of nothing, which no level with decisions has."""
    if not values:
        return tuple(0.0 for _ in QUANTILES)
    return tuple(float(q) for q in np.quantile(np.asarray(values), QUANTILES))


def counted(values_ms: Sequence[float]) -> tuple[tuple[float, int], ...]:
    """A histogram whose edges double, from half a millisecond on."""
    edges = [0.5 * 2**k for k in range(14)]
    counts, _ = np.histogram(np.asarray(values_ms, np.float64), [0.0, *edges[:-1], np.inf])
    return tuple(zip(edges, (int(n) for n in counts), strict=True))


def _over(what: str, value: float, limit: float) -> str:
    return f"{what} {value:.1f} ms (limit {limit:g} ms)"
