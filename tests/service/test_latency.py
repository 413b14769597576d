"""Latency runs from the arrival of the window's last sample, and its stages add up."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, GAZE, FakePipeline, FakeResult, a_prediction, ramp

from hadua.models.features import Modality
from hadua.service.bridge import Arrival
from hadua.service.engine import Stepper
from hadua.service.hub import Hub
from hadua.service.journal import MemoryJournal
from hadua.service.latency import ArrivalLog, LatencyTotals, stages_ms
from hadua.service.metrics import Metrics
from hadua.service.publisher import Publisher

MS = st.floats(0.0, 1e3)


class Clock:
    """Shows the times it was given, one a question; then stays at the last."""

    def __init__(self, *times_s: float) -> None:
        self._times_s = list(times_s)

    def __call__(self) -> float:
        return self._times_s.pop(0) if len(self._times_s) > 1 else self._times_s[0]


def test_the_last_sample_of_a_window_arrived_with_the_chunk_that_holds_it() -> None:
    log = ArrivalLog()
    log.add(Modality.EEG, ramp(EEG, 0, 100), arrived_s=50.0)  # 0.00 to 0.99 s
    log.add(Modality.EEG, ramp(EEG, 100, 200), arrived_s=51.0)
    log.add(Modality.EYE, ramp(GAZE, 0, 60), arrived_s=50.5)  # 0.00 to 1.18 s
    assert log.last_before(0.5) == 50.5  # the gaze's chunk came later
    assert log.last_before(1.0) == 50.5  # the sample at 1.00 s is not in the window
    assert log.last_before(1.01) == 51.0
    assert log.last_before(0.0) is None


@given(queue=MS, features=MS, model=MS, route=MS, wait=MS)
def test_stages_add_up_to_the_total(
    queue: float, features: float, model: float, route: float, wait: float
) -> None:
    last_s = 1000.0
    trigger_s = last_s + wait / 1e3
    taken_s = trigger_s + queue / 1e3
    published_s = taken_s + (features + model + route) / 1e3
    latency = stages_ms(
        last_sample_s=last_s,
        trigger_s=trigger_s,
        taken_s=taken_s,
        published_s=published_s,
        stage_ms={"features": features, "model": model},
    )
    total = latency.pop("total")
    assert sum(latency.values()) == pytest.approx(total, abs=1e-6)
    assert latency == pytest.approx(
        {"wait": wait, "queue": queue, "features": features, "model": model, "route": route},
        abs=1e-6,
    )


def test_a_prediction_is_stamped_by_the_clock_at_each_step() -> None:
    # The window ends at 1.0 s; its last sample comes with the first chunk, at 100.000 s. The chunk
    # that completes it arrives 8 ms later, is taken after 1 ms, and is published 2 ms after that.
    class OneWindow(FakePipeline):
        def step(self, modality: Modality, chunk: object) -> list[FakeResult]:
            return [FakeResult(a_prediction(1.0))] if modality is Modality.EYE else []

    stepper = Stepper(OneWindow(), clock=Clock(100.0005, 100.009))
    first = Arrival(Modality.EEG, ramp(EEG, 0, 100), arrived_s=100.0)
    second = Arrival(Modality.EYE, ramp(GAZE, 50, 51), arrived_s=100.008)
    (timed,) = stepper.step([first, second])
    journal = MemoryJournal(capacity=10)
    publisher = Publisher(
        "a",
        epoch=1,
        journal=journal,
        hub=Hub(),
        metrics=Metrics(),
        clock=lambda: 100.011,
        unix_clock=lambda: 5000.0,
    )

    publisher.prediction(timed, clock_uncertainty_ms=None)

    frame = msgspec.json.decode(journal.after(0)[0].text)
    expected = {"wait": 8, "queue": 1, "features": 0.5, "model": 0.25, "route": 1.25, "total": 11}
    assert frame["latency_ms"] == pytest.approx(expected)
    assert frame["time_unix"] == pytest.approx(5000.0 - 0.011)
    summary = publisher.totals.summary()
    assert summary is not None
    assert summary.n == 1
    assert summary.p50_ms == pytest.approx(11.0)


def test_quantiles_of_nothing_are_none_and_of_a_ramp_are_known() -> None:
    totals = LatencyTotals()
    assert totals.summary() is None
    for k in range(101):
        totals.add(float(k))
    summary = totals.summary()
    assert summary is not None
    assert (summary.p50_ms, summary.p95_ms, summary.p99_ms) == pytest.approx((50.0, 95.0, 99.0))
