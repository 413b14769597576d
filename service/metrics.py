"""Figures for Prometheus. No label ever carries a participant, nor a session."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hadua.models.prediction import ModalityState, Prediction
from hadua.service.learning.figures import LearningFigures
from hadua.service.stream_figures import StreamFigures

_LATENCY_BUCKETS_S = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
)  # fmt: skip


class Metrics:
    """The service's counters, in a registry of their own so that two services do not mix."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        self.chunks_dropped = Counter(
            "hadua_chunks_dropped", "Chunks dropped before inference.", ["modality"], registry=own
        )
        self.chunks_before_start = Counter(
            "hadua_chunks_before_start",
            "Chunks dropped while a session waited for its other stream.",
            ["modality"],
            registry=own,
        )
        self.streams = StreamFigures()
        own.register(self.streams)
        self.learning = LearningFigures(own)
        self.lost = Counter(
            "hadua_lost", "Windows and samples lost inside pipelines.", ["kind"], registry=own
        )
        self.markers_dropped = Counter(
            "hadua_markers_dropped", "Markers dropped before they were sent.", registry=own
        )
        self.recorded_bytes = Counter(
            "hadua_recorded_bytes", "Bytes written to recordings.", registry=own
        )
        self.outlet_dropped = Counter(
            "hadua_outlet_dropped", "Samples dropped before they were sent to LSL.", registry=own
        )
        self.samples = Counter(
            "hadua_samples", "Samples taken by pipelines.", ["modality"], registry=own
        )
        self.predictions = Counter(
            "hadua_predictions", "Windows answered.", ["abstained"], registry=own
        )
        self.abstained = Counter(
            "hadua_abstained", "Windows without a label, by reason.", ["reason"], registry=own
        )
        self.windows_interpolated = Counter(
            "hadua_windows_interpolated",
            "Windows in which EEG channels were interpolated.",
            registry=own,
        )
        self.windows_masked = Counter(
            "hadua_windows_masked",
            "Windows of a modality that came, but were too poor to be used.",
            ["modality"],
            registry=own,
        )
        self.pool_windows = Counter(
            "hadua_pool_windows",
            "Windows by what became of asking the pool.",
            ["outcome"],
            registry=own,
        )
        self.frames_dropped = Counter(
            "hadua_frames_dropped", "Frames that slow clients missed.", registry=own
        )
        self.frames_unkept = Gauge(
            "hadua_frames_unkept", "Frames that the database could not keep.", registry=own
        )
        self.clients_dropped = Counter(
            "hadua_clients_dropped",
            "Clients dropped: they did not read, or sent too much.",
            registry=own,
        )
        self.sessions_failed = Counter(
            "hadua_sessions_failed", "Sessions that ended with a fault.", registry=own
        )
        self.sessions = Gauge(
            "hadua_sessions_active", "Sessions that have not ended.", registry=own
        )
        self.pool_state = Gauge(
            "hadua_pool_state", "1 for what is known of the pool, 0 else.", ["state"], registry=own
        )
        self.booths = Gauge(
            "hadua_booths",
            "Booths that announced themselves here, by state.",
            ["state"],
            registry=own,
        )
        self.clients = Gauge(
            "hadua_websocket_clients", "WebSocket clients connected.", registry=own
        )
        self.loop_lag_s = Histogram(
            "hadua_loop_lag_seconds",
            "By how much sleeps of 20 ms on the event loop were too long.",
            buckets=_LATENCY_BUCKETS_S,
            registry=own,
        )
        self.latency_s = Histogram(
            "hadua_latency_seconds",
            "From the arrival of a window's last sample, by stage.",
            ["stage"],
            buckets=_LATENCY_BUCKETS_S,
            registry=own,
        )
        self.send_s = Histogram(
            "hadua_send_seconds",
            "From the hand-over to the clients until a frame is written; where many get it at "
            "once, until the last has it.",
            buckets=_LATENCY_BUCKETS_S,
            registry=own,
        )

    def count_quality(self, prediction: Prediction) -> None:
        """Count what the quality of its signal did to an answer."""
        if prediction.abstention is not None:
            self.abstained.labels(str(prediction.abstention)).inc()
        if prediction.interpolated:
            self.windows_interpolated.inc()
        for modality, state in prediction.modalities.items():
            if state is ModalityState.MASKED:
                self.windows_masked.labels(modality).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
