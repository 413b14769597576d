import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bundles import describe

from hadua.models.errors import InvalidInputError
from hadua.models.features import FeatureSpec, FloatArray, Modality
from hadua.models.prediction import ModalityState, Prediction, decide, softmax

EEG = FeatureSpec(Modality.EEG, "test", 1, ("a",), 1.0, 0.5)
USED, MISSING, UNMAPPED = ModalityState.USED, ModalityState.MISSING, ModalityState.UNMAPPED
logits_lists = st.lists(st.floats(-50, 50), min_size=3, max_size=3)


def decided(
    logits: FloatArray | None,
    *,
    eeg: ModalityState = USED,
    eye: ModalityState = USED,
    reason: str = "",
    abstain_below: float = 0.0,
    temperature: float = 1.0,
) -> Prediction:
    return decide(
        logits,
        manifest=describe([EEG], abstain_below=abstain_below, temperature=temperature),
        start_s=1.0,
        end_s=2.0,
        modalities={"eeg": eeg, "eye": eye},
        quality={"eeg": 1.0},
        reason=reason,
        bundle_id="random@0",
    )


@given(values=logits_lists, temperature=st.floats(0.1, 10), shift=st.floats(-100, 100))
def test_probabilities_are_a_distribution_that_a_shift_does_not_change(
    values: list[float], temperature: float, shift: float
) -> None:
    logits = np.array(values)
    prediction = decided(logits, temperature=temperature)

    assert prediction.probabilities is not None
    assert sum(prediction.probabilities) == pytest.approx(1.0)
    shifted = softmax(logits + shift, temperature=temperature)
    np.testing.assert_allclose(shifted, prediction.probabilities, atol=1e-9)
    assert prediction.confidence == max(prediction.probabilities)
    assert (
        prediction.label == prediction.classes[int(logits.argmax())]
        or sorted(values)[1:] == [max(values)] * 2
        or np.isclose(sorted(values)[-1], sorted(values)[-2], atol=1e-9)
    )
    assert (prediction.abstained, prediction.reason) == (False, "")


def test_temperature_flattens() -> None:
    logits = np.array([2.0, 0.0, -1.0])
    sharp, flat = decided(logits).confidence, decided(logits, temperature=4.0).confidence
    assert sharp is not None
    assert flat is not None
    assert 1 / 3 < flat < sharp


@given(values=logits_lists, threshold=st.floats(0, 1))
def test_no_label_below_the_threshold_and_one_above(values: list[float], threshold: float) -> None:
    prediction = decided(np.array(values), abstain_below=threshold)

    assert prediction.confidence is not None
    assert prediction.abstained == (prediction.confidence < threshold)
    assert (prediction.label is None) == prediction.abstained
    assert prediction.abstained == ("is below" in prediction.reason)


def test_nothing_asked_gives_nothing() -> None:
    prediction = decided(None, eeg=MISSING, eye=MISSING)
    assert (prediction.probabilities, prediction.label, prediction.confidence) == (None, None, None)
    assert prediction.abstained
    assert prediction.reason == "nothing was measured in this window"


def test_the_callers_words_come_before_generic_ones() -> None:
    prediction = decided(None, eeg=MISSING, eye=MISSING, reason="eeg: the stream is gone")
    assert prediction.reason == "eeg: the stream is gone"


def test_logits_of_no_modality_are_made_up() -> None:
    prediction = decided(np.zeros(3), eeg=MISSING, eye=ModalityState.NOT_CONNECTED)
    assert prediction.probabilities is None
    assert prediction.abstained


@pytest.mark.parametrize("logits", [None, np.array([5.0, 0.0, 0.0])])
def test_a_stream_that_does_not_map_gets_no_label(logits: FloatArray | None) -> None:
    prediction = decided(logits, eeg=UNMAPPED)
    assert prediction.abstained
    assert prediction.label is None
    assert prediction.reason == "eeg: too little of what the model was trained on"


def test_a_degraded_window_still_has_a_label_and_says_so() -> None:
    prediction = decided(np.array([0.0, 3.0, 0.0]), eye=MISSING, reason="eye: no samples")
    assert (prediction.label, prediction.abstained) == ("neutral", False)
    assert prediction.reason == "eye: no samples"


def test_degraded_and_unsure_says_both() -> None:
    prediction = decided(np.zeros(3), eye=MISSING, reason="eye: no samples", abstain_below=0.5)
    assert prediction.reason == "eye: no samples; confidence 0.33 is below 0.50"


@pytest.mark.parametrize("logits", [np.zeros(2), np.array([0.0, np.nan, 0.0])])
def test_logits_that_cannot_be(logits: FloatArray) -> None:
    with pytest.raises(InvalidInputError, match="expected 3 finite values"):
        decided(logits)
