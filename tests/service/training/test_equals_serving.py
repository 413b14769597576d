from collections.abc import Iterator

import numpy as np
import pytest

from hadua.adapters.sources.simulated_states import DemoSchedule
from hadua.adapters.sources.simulator import Simulation, make_pair
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.training import TrainedNetwork, logits_of
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.export import load_network
from hadua.models.features import Modality
from hadua.models.prediction import softmax
from hadua.models.runtime import load_runtime
from hadua.service.pipeline import Pipeline
from hadua.service.training.data import normalised
from hadua.service.training.sets import simulated_person

SECONDS = 30.0
PERSON = Simulation(person=3, seed=3, schedule=DemoSchedule(seed=3, rest_s=10.0))


def chunks() -> Iterator[tuple[Modality, SampleChunk]]:
    """EEG and gaze of one person, by turns, as a live session gets them."""
    sources = make_pair(PERSON, origin_s=0.0, speed=None, duration_s=SECONDS)
    for source in sources:
        source.open(1.0)
    due = {source: 0.0 for source in sources}
    while due:
        source = min(due, key=lambda s: due[s])
        try:
            chunk = source.read(1.0)
        except EndOfStreamError:
            del due[source]
            continue
        assert chunk is not None
        due[source] = float(chunk.t_s[-1])
        yield source.modality, chunk


@pytest.mark.parametrize("baseline_s", [0.0, 8.2])
def test_a_network_is_trained_on_what_it_will_be_served(baseline_s: float) -> None:
    """The same stream, through `Pipeline` and through the arrays of training: the same answers."""
    bundle = load_bundle(demo_bundle_path())
    specs = {source.modality: source.open(1.0) for source in make_pair(PERSON, origin_s=0.0)}
    pipeline = Pipeline(
        bundle, load_runtime(bundle), specs, clock=lambda: 0.0, baseline_s=baseline_s
    )
    served = {
        round(r.prediction.end_s / bundle.hop_s): r.prediction.probabilities
        for modality, chunk in chunks()
        for r in pipeline.step(modality, chunk)
    }

    recording = simulated_person(0, PERSON, bundle.specs, SECONDS)
    source = {m: (n.mean, n.std) for m, n in bundle.normalisation.items()}
    data = normalised(recording, bundle.specs, source, baseline_s=baseline_s)
    every = LabelledWindows(data.windows, data.y * 0)
    trained = TrainedNetwork(load_network(bundle), bundle.context, (), 0)
    rows, logits = logits_of(trained, every)
    expected = softmax(logits, temperature=bundle.manifest.temperature)

    assert len(rows) > 50
    for row, probabilities in zip(rows, expected, strict=True):
        k = round(recording.windows[row].end_s / bundle.hop_s)
        answer = served[k]
        assert answer is not None
        np.testing.assert_allclose(answer, probabilities, atol=1e-4)
