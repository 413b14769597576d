"""Figures of the streams for Prometheus, as they are when they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hadua.service.watch import StreamState
from hadua.service.wire import StreamStatus

Streams = Callable[[], Mapping[str, StreamStatus]]

_COUNTS = {
    "gaps": "Gaps in streams.",
    "lost_samples": "Samples that are missing in streams, estimated.",
    "overflows": "Times that a buffer was full and the oldest samples went.",
    "outages": "Times that a stream was away and came back.",
    "chunks_withheld": "Chunks of streams whose new mapping is to be confirmed.",
}


class StreamFigures(Collector):
    """Asks every running session for its streams; what those that are over counted is kept."""

    def __init__(self) -> None:
        self._running: list[Streams] = []
        self._over: Counter[tuple[str, str]] = Counter()

    def add(self, streams: Streams) -> None:
        """Include these streams from now on."""
        self._running.append(streams)

    def remove(self, streams: Streams) -> None:
        """Leave these streams out, but for what they have counted."""
        if streams in self._running:
            self._running.remove(streams)
            self._over += self._counted([streams()])

    def collect(self) -> Iterator[Metric]:
        """The figures now."""
        all_streams = [streams() for streams in self._running]
        yield self._states(all_streams)
        yield from self._extremes(all_streams)
        counts = self._over + self._counted(all_streams)
        for name, what in _COUNTS.items():
            family = CounterMetricFamily(f"hadua_stream_{name}", what, labels=["modality"])
            for (counted, modality), n in sorted(counts.items()):
                if counted == name:
                    family.add_metric([modality], n)
            yield family

    def _counted(self, all_streams: list[Mapping[str, StreamStatus]]) -> Counter[tuple[str, str]]:
        counts: Counter[tuple[str, str]] = Counter()
        for streams in all_streams:
            for modality, status in streams.items():
                for name in _COUNTS:
                    counts[name, modality] += getattr(status, name)
        return counts

    def _states(self, all_streams: list[Mapping[str, StreamStatus]]) -> Metric:
        family = GaugeMetricFamily(
            "hadua_streams", "Streams of running sessions.", labels=["modality", "state"]
        )
        now = Counter((m, s.state) for streams in all_streams for m, s in streams.items())
        for modality in sorted({m for m, _ in now}):
            for state in StreamState:
                family.add_metric([modality, state], now[modality, state])
        return family

    def _extremes(self, all_streams: list[Mapping[str, StreamStatus]]) -> Iterator[Metric]:
        pairs = [pair for streams in all_streams for pair in streams.items()]
        for name, what, worst, value in (
            ("sample_age_seconds", "Age of the newest sample, of the oldest.", max, _age_s),
            ("rate_ratio", "Effective by nominal rate, of the lowest.", min, _rate_ratio),
            ("clock_uncertainty_seconds", "Clock uncertainty, of the worst.", max, _doubt_s),
        ):
            family = GaugeMetricFamily(f"hadua_stream_{name}", what, labels=["modality"])
            for modality in sorted({m for m, _ in pairs}):
                known = [x for m, s in pairs if m == modality and (x := value(s)) is not None]
                if known:
                    family.add_metric([modality], worst(known))
            yield family


def _age_s(status: StreamStatus) -> float | None:
    return status.sample_age_s


def _rate_ratio(status: StreamStatus) -> float | None:
    if status.effective_rate_hz is None or not status.nominal_rate_hz:
        return None
    return status.effective_rate_hz / status.nominal_rate_hz


def _doubt_s(status: StreamStatus) -> float | None:
    return None if status.clock_uncertainty_ms is None else status.clock_uncertainty_ms / 1e3
