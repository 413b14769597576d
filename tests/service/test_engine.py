"""From which instants a result's latency is reckoned."""

from collections.abc import Sequence
from dataclasses import replace

from support.service import EEG, FakePipeline, FakeResult, a_prediction, ramp

from hadua.adapters.sources.source import SampleChunk
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
