"""The streams' figures in Prometheus' text, which names no person and no session."""

import re

from hadua.service.metrics import Metrics
from hadua.service.wire import StreamStatus

LIVE = StreamStatus(
    source="lsl:type=EEG",
    state="live",
    nominal_rate_hz=250.0,
    effective_rate_hz=240.0,
    sample_age_s=0.02,
    gaps=1,
    lost_samples=30,
    outages=1,
    clock_uncertainty_ms=0.5,
)
LOST = StreamStatus(source="lsl:type=EEG", state="lost", sample_age_s=9.0, gaps=2, overflows=1)


def figures(metrics: Metrics) -> dict[str, float]:
    lines = metrics.text().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("hadua_stream"))
    return {name: float(value) for name, value in pairs}


def test_states_and_extremes_are_those_of_now_and_counts_outlive_a_session() -> None:
    metrics = Metrics()
    one, other = {"eeg": LIVE, "eye": LIVE}, {"eeg": LOST}

    def first() -> dict[str, StreamStatus]:
        return one

    def second() -> dict[str, StreamStatus]:
        return other

    metrics.streams.add(first)
    metrics.streams.add(second)
    now = figures(metrics)
    assert now['hadua_streams{modality="eeg",state="live"}'] == 1
    assert now['hadua_streams{modality="eeg",state="lost"}'] == 1
    assert now['hadua_streams{modality="eye",state="lost"}'] == 0
    assert now['hadua_stream_sample_age_seconds{modality="eeg"}'] == 9.0
    assert now['hadua_stream_rate_ratio{modality="eeg"}'] == 0.96
    assert now['hadua_stream_clock_uncertainty_seconds{modality="eeg"}'] == 0.0005
    assert now['hadua_stream_gaps_total{modality="eeg"}'] == 3
    assert now['hadua_stream_overflows_total{modality="eeg"}'] == 1

    metrics.streams.remove(second)
    metrics.streams.remove(second)
    now = figures(metrics)
    assert now['hadua_streams{modality="eeg",state="lost"}'] == 0
    assert now['hadua_stream_sample_age_seconds{modality="eeg"}'] == 0.02
    assert now['hadua_stream_gaps_total{modality="eeg"}'] == 3


def test_no_label_says_who_it_is_about() -> None:
    metrics = Metrics()
    metrics.streams.add(lambda: {"eeg": LIVE})
    labels = set(re.findall(r"(\w+)=\"", metrics.text().decode()))
    assert labels <= {"modality", "state", "stage", "kind", "abstained", "le", "reason", "role"}
