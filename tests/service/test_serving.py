"""A participant's session answers with their profile, and says which; others are as shipped."""

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support.pipelines import in_turns, pipeline_over, recorded, stepped, streams_of
from support.profiles import AT_UNIX, PERSON, profile_of

from hadua.calibration.profile import Profile
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.export import load_network
from hadua.models.personal import exported
from hadua.models.prediction import Prediction
from hadua.models.runtime import RuntimeName, load_runtime
from hadua.service.config import Settings
from hadua.service.engine import Engine
from hadua.service.engine_facts import engine_facts
from hadua.service.meant import engine_factory
from hadua.service.serving import Personal, Serving


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(demo_bundle_path())


@pytest.fixture(scope="module")
def profile(bundle: Bundle) -> Profile:
    """A person's own classifier and normalisation."""
    network = load_network(bundle)
    own = network.state_dict()["classifier.3.weight"].neg_()  # in place
    weights = {"classifier.3.weight": own.detach().numpy().copy()}
    return replace(profile_of(bundle), weights=weights, model=exported(network))


def serving(bundle: Bundle, profile: Profile) -> Serving:
    runtime = load_runtime(bundle, device="cpu", model=profile.model)
    return Serving(runtime, profile.normalisation, profile.version)


def values(predictions: list[Prediction]) -> list[tuple[float, object, int]]:
    return [(p.end_s, p.probabilities, p.profile_version) for p in predictions]


def test_a_profile_serves_from_the_next_window_on_as_if_it_always_had(
    bundle: Bundle, profile: Profile
) -> None:
    chunks = recorded()
    shipped = values(stepped(pipeline_over(bundle, chunks), chunks))
    always = pipeline_over(bundle, chunks)
    always.use(serving(bundle, profile))
    personal = values(stepped(always, chunks))
    swapped = pipeline_over(bundle, chunks, baseline_s=0.0)
    turns = in_turns(chunks)
    said: list[Prediction] = []
    for k, (modality, chunk) in enumerate(turns):
        if k == len(turns) // 2:
            before = len(said)
            swapped.use(serving(bundle, profile))
        said += [result.prediction for result in swapped.step(modality, chunk)]

    assert 3 < before < len(said) - 3
    assert values(said[:before]) == shipped[:before]
    assert values(said[before:]) == personal[before : len(said)]
    assert all(version == 1 for _, _, version in personal)
    assert personal[before][1] != shipped[before][1]
    assert swapped.normalisation_state == "profile 1"


def test_back_at_the_bundle_it_answers_as_if_there_had_been_no_profile(
    bundle: Bundle, profile: Profile, tmp_path: Path
) -> None:
    chunks = recorded()
    shipped = values(stepped(pipeline_over(bundle, chunks), chunks))
    pipeline, said = pipeline_over(bundle, chunks), list[Prediction]()
    personal = Personal(ProfileStore(tmp_path), bundle, name="onnx", device="cpu")
    turns = in_turns(chunks)
    for k, (modality, chunk) in enumerate(turns):
        if k == len(turns) // 3:
            pipeline.use(serving(bundle, profile))
        if k == 2 * len(turns) // 3:
            back = len(said)
            pipeline.use(personal.serving(PERSON, 0))
        said += [result.prediction for result in pipeline.step(modality, chunk)]

    assert {p.profile_version for p in said} == {0, 1}
    assert back < len(said) - 1
    assert values(said[back:]) == shipped[back : len(said)]
    assert pipeline.normalisation_state == "source"


def engine_of(bundle: Bundle, *, runtime: RuntimeName = "onnx") -> Engine:
    settings = Settings.model_validate(
        {"demo": True, "baseline_s": 0.0, "runtime": runtime, "device": "cpu"}
    )
    make = engine_factory(
        settings, bundle, lambda: load_runtime(bundle, name=runtime, device="cpu")
    )
    return make(streams_of(recorded()))


def answers(engine: Engine) -> list[tuple[float, object, int]]:
    chunks = recorded()
    results = [r for m, chunk in in_turns(chunks) for r in engine.pipeline.step(m, chunk)]
    engine.close()
    return values([result.prediction for result in results])


@pytest.mark.parametrize("runtime", ["onnx", "torchscript"])
def test_the_profile_in_force_serves_its_participant_and_nobody_else(
    bundle: Bundle, profile: Profile, tmp_path: Path, runtime: RuntimeName
) -> None:
    store = ProfileStore(tmp_path)
    store.save(profile, at_unix=AT_UNIX)
    personal = Personal(store, bundle, name=runtime, device="cpu")
    saved = answers(personal(engine_of(bundle, runtime=runtime), PERSON))
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)

    mine = personal(engine_of(bundle, runtime=runtime), PERSON)
    of_somebody_else = personal(engine_of(bundle, runtime=runtime), "P02")

    assert mine.facts["profile_version"] == 1
    assert {version for _, _, version in answers(mine)} == {1}
    assert "profile_version" not in of_somebody_else.facts
    assert answers(of_somebody_else) == saved
    assert {version for _, _, version in saved} == {0}


def test_a_profile_that_cannot_serve_is_named_and_the_session_goes_on_as_shipped(
    bundle: Bundle, profile: Profile, tmp_path: Path
) -> None:
    store = ProfileStore(tmp_path)
    store.save(profile, at_unix=AT_UNIX)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)
    damaged = next(tmp_path.rglob("*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00\x01")

    with capture_logs() as logs:
        engine = Personal(store, bundle, name="onnx", device="cpu")(engine_of(bundle), PERSON)

    assert {version for _, _, version in answers(engine)} == {0}
    assert [entry["event"] for entry in logs] == ["profile not used: the bundle serves as shipped"]


def test_what_is_recorded_of_a_pipeline_holds_no_secret(bundle: Bundle) -> None:
    settings = Settings.model_validate(
        {"database": "postgresql+psycopg://u:secret@h/d", "tls_key": "key.pem", "demo": True}
    )
    runtime = load_runtime(bundle, device="cpu")

    text = str(engine_facts(settings, bundle, runtime))

    assert "secret" not in text
    assert "key.pem" not in text
    runtime.close()
