"""What the quality of the signal does to an answer, and what the network gets to see of it."""

from collections.abc import Iterator

import numpy as np
import pytest
from support.bundles import make_bundle
from support.pipelines import ORIGIN_S, in_turns, pipeline_over, recorded, stepped

from hadua.adapters.devices.montage import SEED_62
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.features import BoolArray, FloatArray, Modality
from hadua.models.prediction import Abstention, ModalityState, Prediction
from hadua.models.runtime import Float32Array, Runtime, load_runtime
from hadua.service.window_result import WindowResult

EEG, EYE = Modality.EEG, Modality.EYE
CONTEXT = 3


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """All of the cap and the eyes."""
    folder = tmp_path_factory.mktemp("cap")
    return load_bundle(make_bundle(folder, eeg_channels=SEED_62, context=CONTEXT))


@pytest.fixture(scope="module")
def cap_only(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("cap-only")
    return load_bundle(make_bundle(folder, eeg_channels=SEED_62, eye=False, context=CONTEXT))


class Watched:
    """A runtime that remembers what it was asked."""

    def __init__(self, runtime: Runtime) -> None:
        self.name, self.device = runtime.name, runtime.device
        self.asked: list[tuple[Float32Array, Float32Array, BoolArray]] = []
        self._runtime = runtime

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        self.asked.append((eeg.copy(), eye.copy(), present.copy()))
        return self._runtime.logits(eeg, eye, present)

    def close(self) -> None:
        self._runtime.close()


@pytest.fixture
def watched(bundle: Bundle) -> Iterator[Watched]:
    runtime = Watched(load_runtime(bundle, device="cpu"))
    yield runtime
    runtime.close()


def during(predictions: list[Prediction], start_s: float, end_s: float) -> list[Prediction]:
    """Those of EEG windows that lie wholly in a stretch, in seconds of the recording."""
    return [p for p in predictions if start_s <= p.end_s - ORIGIN_S - 1.0 < end_s - 0.99]


def test_a_bad_channel_is_interpolated_and_the_answer_says_so(bundle: Bundle) -> None:
    chunks = recorded("railed:CZ@5+2")
    predictions = stepped(pipeline_over(bundle, chunks), chunks)

    hit = during(predictions, 5.0, 7.0)
    assert len(hit) == 3
    for p in hit:
        assert (p.interpolated, p.left_out) == (("CZ",), ())
        assert p.modalities["eeg"] is ModalityState.USED
        assert 0.98 < p.quality["eeg"] < 1.0
        assert "channel 'CZ' stands at the end of its range" in p.reason
        assert p.label is not None
    for p in [*during(predictions, 0.0, 5.0), *during(predictions, 7.0, 10.0)]:
        assert p.interpolated == ()
        assert p.quality["eeg"] == 1.0


def test_too_few_good_channels_mask_the_eeg_and_the_eyes_answer(
    bundle: Bundle, watched: Watched
) -> None:
    chunks = recorded("eeg.flat@6+2")
    predictions = stepped(pipeline_over(bundle, chunks, runtime=watched), chunks)

    for p, (eeg, _, present) in zip(predictions, watched.asked, strict=True):
        if p in during(predictions, 6.0, 8.0):
            assert p.modalities == {"eeg": ModalityState.MASKED, "eye": ModalityState.USED}
            assert p.quality["eeg"] == 0.0
            assert "'FP1' is flat" in p.reason
            assert p.label is not None
            assert present[0, -1].tolist() == [False, True]
            assert not eeg[0, -1].any()


def test_poor_signal_of_all_that_there_is_gives_no_answer(cap_only: Bundle) -> None:
    chunks = {EEG: recorded("eeg.noisy@5+2")[EEG]}
    predictions = stepped(pipeline_over(cap_only, chunks), chunks)

    for p in during(predictions, 5.0, 7.0):
        assert p.modalities["eeg"] is ModalityState.MASKED
        assert p.abstention is Abstention.POOR_SIGNAL
        assert (p.abstained, p.label, p.probabilities) == (True, None, None)
        assert "has high-frequency noise; and 59 more channels" in p.reason
    assert all(p.abstention is None for p in during(predictions, 0.0, 4.9))


def test_part_of_a_cap_is_too_little_and_the_answer_says_how_little(cap_only: Bundle) -> None:
    half = ";".join(f"flat:{name}@5+2" for name in SEED_62[:46])
    chunks = {EEG: recorded(half)[EEG]}
    predictions = stepped(pipeline_over(cap_only, chunks), chunks)

    for p in during(predictions, 5.0, 7.0):
        assert p.modalities["eeg"] is ModalityState.MASKED
        assert "of it is good, 80% are needed" in p.reason


def test_gaze_beside_the_screen_is_masked(bundle: Bundle) -> None:
    chunks = recorded("off-screen@4+6")
    predictions = stepped(pipeline_over(bundle, chunks), chunks)

    last = predictions[-1]
    assert last.modalities == {"eeg": ModalityState.USED, "eye": ModalityState.MASKED}
    assert "gaze was beside the screen for 100% of the time" in last.reason


def test_the_network_sees_a_masked_token_and_otherwise_what_it_would_have_seen(
    bundle: Bundle, watched: Watched
) -> None:
    """Its own memory ends after its context: then all that it is asked is as without the fault."""
    faulty = recorded("eeg.flat@5+1")
    results = stepped(pipeline_over(bundle, faulty, runtime=watched), faulty)
    with_fault = list(watched.asked)
    watched.asked.clear()
    stepped(pipeline_over(bundle, recorded(), runtime=watched), recorded())

    hit = [i for i, p in enumerate(results) if 5.0 < p.end_s - ORIGIN_S < 7.0]
    for i, (one, other) in enumerate(zip(with_fault, watched.asked, strict=True)):
        for k in range(one[0].shape[1]):
            window = i - one[0].shape[1] + 1 + k
            np.testing.assert_array_equal(one[1][0, k], other[1][0, k])
            if window in hit:
                assert not one[2][0, k, 0]
                assert not one[0][0, k].any()
            else:
                np.testing.assert_array_equal(one[0][0, k], other[0][0, k])
                assert one[2][0, k, 0] == other[2][0, k, 0]


def test_a_resting_baseline_learns_nothing_from_bad_channels(bundle: Bundle) -> None:
    """What stands in for CZ answers, but its rest is that of the windows in which CZ was good."""

    def rest(faults: str) -> tuple[FloatArray, FloatArray]:
        chunks = recorded(faults)
        pipeline = pipeline_over(bundle, chunks, baseline_s=6.0)
        stepped(pipeline, chunks)
        normaliser = pipeline._lanes[EEG].normaliser
        assert normaliser.state == "baseline"
        return normaliser.mean, normaliser.std

    railed, nan = rest("railed:CZ@3+2"), rest("nan:CZ@3+2")
    np.testing.assert_array_equal(railed[0], nan[0])
    np.testing.assert_array_equal(railed[1], nan[1])
    clean = rest("")
    others = [i for i in range(310) if i // 5 != SEED_62.index("CZ")]
    np.testing.assert_array_equal(railed[0][others], clean[0][others])
    assert not np.array_equal(railed[0], clean[0])


def test_a_result_carries_the_quality_of_what_there_was(bundle: Bundle) -> None:
    chunks = recorded()
    pipeline = pipeline_over(bundle, chunks)

    results: list[WindowResult] = []
    for modality, chunk in in_turns(chunks):
        results += pipeline.step(modality, chunk)

    assert {frozenset(r.quality) for r in results} <= {frozenset({EEG}), frozenset({EEG, EYE})}
    assert any(EYE in r.quality for r in results)
