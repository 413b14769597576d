"""From which instants a result's latency is reckoned."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.service import EEG, FakePipeline, FakeResult, a_prediction, ramp

from hadua.adapters.sources.source import SampleChunk
from hadua.models.errors import StreamInvalidError
from hadua.models.features import Modality
from hadua.models.prediction import ModalityState
from hadua.service.bridge import Arrival
from hadua.service.engine import Stepper


class Resuming(FakePipeline):
    """Answers windows of the silence before a chunk, then the chunk's own."""

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[FakeResult]:
        silent = replace(
            a_prediction(3.0), probabilities=None, modalities={"eeg": ModalityState.MISSING}
        )
        own = super().step(modality, chunk)
        return [FakeResult(silent), *own] if chunk.gap_before else own


def test_how_long_a_stream_was_silent_is_no_latency() -> None:
    stepper = Stepper(Resuming(), clock=lambda: 60.5)
    stepper.step([Arrival(Modality.EEG, ramp(EEG, 0, 10), arrived_s=1.0)])

    late = Arrival(Modality.EEG, ramp(EEG, 5990, 6000, gap_before=True), arrived_s=60.0)
    silent, own = stepper.step([late])

    assert (silent.last_sample_s, silent.trigger_s) == (60.0, 60.0)
    assert (own.last_sample_s, own.trigger_s) == (60.0, 60.0)


class Refusing(FakePipeline):
    """Refuses a chunk that steps back in time."""

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[FakeResult]:
        if chunk.t_s[0] < 1.0:
            raise StreamInvalidError("time stamps run backwards")
        return super().step(modality, chunk)


def test_what_was_answered_before_a_fault_is_given_and_the_fault_raised_next() -> None:
    stepper = Stepper(Refusing(), clock=lambda: 60.5)
    come = [
        Arrival(Modality.EEG, ramp(EEG, 6000, 6010), arrived_s=60.0, first=0),
        Arrival(Modality.EEG, ramp(EEG, 0, 10), arrived_s=60.1, first=10),
        Arrival(Modality.EEG, ramp(EEG, 10, 20), arrived_s=60.2, first=20),
    ]

    assert len(stepper.step(come)) == 1
    for go_on in (
        stepper.require_sound,
        lambda: stepper.step(come[:1]),
        lambda: stepper.end(Modality.EEG),
    ):
        with pytest.raises(StreamInvalidError, match="backwards"):
            go_on()


def test_a_fault_of_the_first_is_raised_at_once() -> None:
    stepper = Stepper(Refusing(), clock=lambda: 60.5)
    with pytest.raises(StreamInvalidError):
        stepper.step([Arrival(Modality.EEG, ramp(EEG, 0, 10), arrived_s=60.1)])
