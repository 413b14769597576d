"""Sums up the events of one window: how many, how long, how far."""

from collections.abc import Sequence
from math import nan, sqrt

from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; NaN of nothing."""
    return sum(values) / len(values) if values else nan


def sd(values: Sequence[float]) -> float:
    """Sample standard deviation (n - 1); NaN of fewer than two."""
    n = len(values)
    if n < 2:
        return nan
    m = sum(values) / n
    return sqrt(sum([(v - m) ** 2 for v in values]) / (n - 1))


def event_features(events: Sequence[EyeEvent], *, observed_s: float) -> list[float]:
    """Features 13 to 33 of `hadua-eye/1`, in order; NaN where there is nothing to measure.

    Args:
        events: The events counted in the window.
        observed_s: How long the eyes were seen, or seen to blink; 0 if they were not.
    """
    kinds = EyeEventKind
    fixation, saccade, blink = kinds.FIXATION, kinds.SACCADE, kinds.BLINK
    fixations = [e for e in events if e.kind is fixation]
    saccades = [e for e in events if e.kind is saccade]
    blinks_ms = [1e3 * e.duration_s for e in events if e.kind is blink]
    x_deg = [e.dispersion_x_deg for e in fixations if e.dispersion_x_deg is not None]
    y_deg = [e.dispersion_y_deg for e in fixations if e.dispersion_y_deg is not None]
    spread_deg = [x + y for x, y in zip(x_deg, y_deg, strict=True)]
    fixations_ms = [1e3 * e.duration_s for e in fixations]
    saccades_ms = [1e3 * e.duration_s for e in saccades]
    amplitudes_deg = [e.amplitude_deg for e in saccades if e.amplitude_deg is not None]
    latencies_ms = [1e3 * e.latency_s for e in saccades if e.latency_s is not None]

    saccade_ms, amplitude_deg = mean(saccades_ms), mean(amplitudes_deg)

    def per_s(count: int) -> float:
        return count / observed_s if observed_s > 0.0 else nan

    return [
        *(mean(x_deg), sd(x_deg), mean(y_deg), sd(y_deg)),
        *(mean(fixations_ms), sd(fixations_ms)),
        *(mean(blinks_ms), sd(blinks_ms)),
        *(saccade_ms, sd(saccades_ms)),
        *(amplitude_deg, sd(amplitudes_deg)),
        *(per_s(len(blinks_ms)), per_s(len(fixations))),
        max(fixations_ms, default=nan),
        sum(spread_deg) if spread_deg else nan,
        max(spread_deg, default=nan),
        per_s(len(saccades)),
        *(saccade_ms, amplitude_deg, mean(latencies_ms)),
    ]
