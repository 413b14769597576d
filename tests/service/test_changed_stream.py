"""A stream that comes back another one is mapped anew or left out; nothing straddles the change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.bundles import make_bundle
from support.changed_streams import (
    as_stream,
    every_second,
    halves,
    reordered,
    too_slow,
    two_only,
)
from support.pipelines import CHANNELS, ORIGIN_S, pipeline_over, recorded, stepped

from hadua.adapters.sources.source import Channel
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.features import Modality
from hadua.models.prediction import ModalityState, Prediction
from hadua.models.runtime import Runtime, load_runtime

EEG, EYE = Modality.EEG, Modality.EYE


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("changed")
    return load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=3))


@pytest.fixture(scope="module")
def runtime(bundle: Bundle) -> Iterator[Runtime]:
    runtime = load_runtime(bundle, device="cpu")
    yield runtime
    runtime.close()


def eeg_of(predictions: Sequence[Prediction]) -> dict[float, str]:
    return {round(p.end_s - ORIGIN_S, 3): str(p.modalities["eeg"]) for p in predictions}


@pytest.mark.parametrize("change", [every_second, reordered])
def test_one_that_can_be_mapped_is_used_again_from_its_first_whole_window_on(
    bundle: Bundle, runtime: Runtime, change: object
) -> None:
    assert callable(change)
    chunks = recorded()
    mine = {EEG: change(*halves(chunks[EEG])), EYE: chunks[EYE]}

    pipeline = pipeline_over(bundle, mine, runtime=runtime)
    predictions = stepped(pipeline, mine)
    states = eeg_of(predictions)

    # At 3.5 s the EEG was away, and the gaze had no whole window yet: as without a change.
    assert list(states) == [1.0, 1.5, 2.0, 2.5, 3.0, *(4.0 + 0.5 * k for k in range(13))]
    used = [end_s for end_s, state in states.items() if state == "used"]
    assert used == [1.0, 1.5, 2.0, 2.5, 3.0, *(6.0 + 0.5 * k for k in range(9))]
    during = [p for p in predictions if 3.0 < p.end_s - ORIGIN_S < 6.0]
    assert all(p.modalities["eeg"] is ModalityState.MISSING for p in during)
    assert any("came back changed" in p.reason for p in during)
    assert not any("came back changed" in p.reason for p in predictions if p.end_s > ORIGIN_S + 6)


def test_another_order_of_channels_gives_the_same_answers(bundle: Bundle, runtime: Runtime) -> None:
    """What would be fed blindly, were it not mapped anew."""
    chunks = recorded()
    before, after = halves(chunks[EEG])
    answers = []
    for eeg in ([*before, *after], reordered(before, after)):
        mine = {EEG: eeg, EYE: chunks[EYE]}
        predictions = stepped(pipeline_over(bundle, mine, runtime=runtime), mine)
        answers.append([p.probabilities for p in predictions if p.end_s > ORIGIN_S + 6.0])
    same, other = answers
    np.testing.assert_allclose(np.array(other, float), np.array(same, float), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (too_slow, "50 Hz instead of 1000) and cannot be used: "),
        (two_only, "2 channels instead of 62) and cannot be used: it covers 33%"),
    ],
)
def test_one_that_cannot_be_used_is_left_out_with_the_reason_and_the_other_goes_on(
    bundle: Bundle, runtime: Runtime, change: object, why: str
) -> None:
    assert callable(change)
    chunks = recorded()
    mine = {EEG: change(*halves(chunks[EEG])), EYE: chunks[EYE]}

    pipeline = pipeline_over(bundle, mine, runtime=runtime)
    predictions = stepped(pipeline, mine)
    late = [p for p in predictions if p.end_s > ORIGIN_S + 5.6]

    assert len(late) == 9
    for prediction in late:
        assert prediction.modalities["eeg"] is ModalityState.UNMAPPED
        assert prediction.modalities["eye"] is ModalityState.USED
        assert prediction.probabilities is not None
        assert why in prediction.reason
    assert pipeline.reports()["eeg"]["coverage"] != 1.0


def test_the_only_stream_left_out_gives_abstentions_that_say_why(
    bundle: Bundle, runtime: Runtime
) -> None:
    mine = {EEG: too_slow(*halves(recorded()[EEG]))}

    predictions = stepped(pipeline_over(bundle, mine, runtime=runtime), mine)

    ends_s = [p.end_s for p in predictions]
    assert ends_s == [ORIGIN_S + 1.0 + 0.5 * k for k in range(19)]  # each grid end once
    late = [p for p in predictions if p.end_s > ORIGIN_S + 3.0]
    assert all(p.abstained and "came back changed" in p.reason for p in late)


def test_one_that_was_of_no_use_and_comes_back_whole_is_used(
    bundle: Bundle, runtime: Runtime
) -> None:
    chunks = recorded()
    before, after = halves(chunks[EEG])
    spec = before[0].spec
    wrong = replace(spec, channels=tuple(Channel(f"x{i}") for i in range(len(spec.channels))))
    columns = range(len(spec.channels))
    mine = {EEG: [*(as_stream(c, wrong, columns) for c in before), *after]}

    predictions = stepped(pipeline_over(bundle, mine, runtime=runtime), mine)

    states = eeg_of(predictions)
    assert {states[1.0], states[3.0]} == {"unmapped"}
    assert states[6.0] == states[10.0] == "used"


def test_what_was_lost_before_the_change_is_still_counted(bundle: Bundle, runtime: Runtime) -> None:
    chunks = recorded()
    before, after = halves(chunks[EYE])
    pipeline = pipeline_over(bundle, chunks, runtime=runtime)
    for chunk in (*before, before[0]):
        pipeline.step(EYE, chunk)
    lost = pipeline.losses()["stale_samples"]
    other = reordered(before, after)[len(before) :]

    for chunk in (*other, other[0]):
        pipeline.step(EYE, chunk)

    assert 0 < lost < pipeline.losses()["stale_samples"]
