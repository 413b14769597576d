import re

import numpy as np

from hadua.adapters.sources.simulated_states import DemoSchedule
from hadua.adapters.sources.simulator import Simulation
from hadua.calibration.scores import score
from hadua.calibration.training import TrainedNetwork, logits_of
from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.export import load_network
from hadua.models.features import Modality
from hadua.service.training.data import assemble
from hadua.service.training.sets import FIRST_PERSON, simulated_person


def test_the_demo_bundle_is_what_the_demo_needs() -> None:
    bundle = load_bundle(demo_bundle_path())

    assert bundle.manifest.name == "hadua-demo"
    assert bundle.manifest.demo
    assert bundle.classes == ("negative", "neutral", "positive")
    assert (bundle.width(Modality.EEG), bundle.width(Modality.EYE)) == (62 * 5, 33)
    windows_s = {m: spec.window_s for m, spec in bundle.specs.items()}
    assert windows_s == {Modality.EEG: 1.0, Modality.EYE: 4.0}
    assert (bundle.hop_s, bundle.context) == (0.5, 8)
    assert sum(part.size_bytes for part in bundle.manifest.files.values()) < 6e6


def test_it_says_what_its_scores_are_worth() -> None:
    bundle = load_bundle(demo_bundle_path())
    card = (bundle.path / "card.md").read_text(encoding="utf-8")

    assert "simulated people only" in bundle.manifest.notice
    assert bundle.manifest.notice in card
    assert "No human being was recorded." in card
    found = re.search(r"\| test people, without a resting baseline \| ([0-9.]+) \|", card)
    assert found is not None
    assert float(found.group(1)) >= 0.7


def test_it_follows_people_it_never_saw() -> None:
    bundle = load_bundle(demo_bundle_path())
    trained = TrainedNetwork(load_network(bundle), bundle.context, (), 0)
    source = {m: (n.mean, n.std) for m, n in bundle.normalisation.items()}
    people = [
        simulated_person(
            k,
            Simulation(person=k, seed=k, schedule=DemoSchedule(seed=k, rest_s=10.0)),
            bundle.specs,
            100.0,
        )
        for k in (1, 2)
    ]
    data = assemble(people, bundle.specs, source)

    rows, logits = logits_of(trained, data)

    assert max(1, 2) < FIRST_PERSON
    scores = score(logits.argmax(axis=1), data.y[rows])
    assert scores.accuracy > scores.chance + 0.15
    assert np.isfinite(logits).all()
