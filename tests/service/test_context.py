"""The context keeps the newest windows, oldest first, and begins anew at a hole."""

from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hadua.adapters.features.eeg_entropy import eeg_feature_spec
from hadua.adapters.features.eye_movement import EYE_33, eye_feature_spec
from hadua.models.features import FeatureSpec, FloatArray, Modality
from hadua.service.context import MODALITIES, TokenContext

HOP_S = 0.5
SPECS = {
    Modality.EEG: eeg_feature_spec(("CZ", "OZ"), window_s=1.0, hop_s=HOP_S),
    Modality.EYE: eye_feature_spec(window_s=4.0, hop_s=HOP_S),
}
WIDTHS = {Modality.EEG: 10, Modality.EYE: len(EYE_33)}

pushes = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 2, 7, 1000]),  # steps of the grid since the one before
        st.sets(st.sampled_from(list(Modality))),  # what was measured
    ),
    min_size=1,
    max_size=20,
)


def values_of(k: int, modality: Modality) -> FloatArray:
    """Values of the window that ends at grid end `k`, no two alike."""
    return k + np.arange(WIDTHS[modality]) / 64.0


def filled(
    context: TokenContext, steps: list[tuple[int, set[Modality]]]
) -> list[tuple[int, set[Modality]]]:
    """Push the windows; return what the network should see: those since the last hole."""
    k, seen = 2000, list[tuple[int, set[Modality]]]()
    for step, measured in steps:
        k += step
        context.push(k * HOP_S, {m: values_of(k, m) for m in measured})
        seen = [*seen, (k, measured)] if step == 1 else [(k, measured)]
    return seen


@given(steps=pushes, context=st.integers(1, 6))
def test_tokens_are_the_newest_windows_since_the_last_hole(
    steps: list[tuple[int, set[Modality]]], context: int
) -> None:
    tokens = TokenContext(SPECS, context=context)

    expected = filled(tokens, steps)[-context:]

    *blocks, present = tokens.tokens()
    assert present.shape == (1, len(expected), 2)
    for row, (k, measured) in enumerate(expected):
        for column, modality in enumerate(MODALITIES):
            assert present[0, row, column] == (modality in measured)
            wanted = values_of(k, modality) if modality in measured else 0.0
            np.testing.assert_array_equal(blocks[column][0, row], np.float32(wanted))


@given(steps=pushes)
def test_what_was_before_a_hole_does_not_matter(steps: list[tuple[int, set[Modality]]]) -> None:
    used, fresh = TokenContext(SPECS, context=4), TokenContext(SPECS, context=4)
    filled(used, steps)

    for k in (10**6, 10**6 + 1):  # far behind whatever the steps add up to
        for tokens in (used, fresh):
            tokens.push(k * HOP_S, {Modality.EEG: values_of(k, Modality.EEG)})

    for a, b in zip(used.tokens(), fresh.tokens(), strict=True):
        np.testing.assert_array_equal(a, b)


@given(hop_s=st.sampled_from([0.1, 0.2, 0.5, 1.0 / 3.0, 4.0]), first=st.integers(0, 10**7))
def test_rounding_of_late_times_is_no_hole(hop_s: float, first: int) -> None:
    specs: Mapping[Modality, FeatureSpec] = {
        Modality.EEG: eeg_feature_spec(("CZ",), window_s=4.0, hop_s=hop_s)
    }
    tokens = TokenContext(specs, context=5)
    for k in range(first, first + 5):
        tokens.push(k * hop_s, {})
    assert tokens.tokens()[2].shape == (1, 5, 2)


def test_a_modality_that_is_not_in_the_model_has_no_columns_and_is_never_present() -> None:
    tokens = TokenContext({Modality.EEG: SPECS[Modality.EEG]}, context=2)
    tokens.push(1.0, {Modality.EEG: values_of(2, Modality.EEG)})
    eeg, eye, present = tokens.tokens()
    assert (eeg.shape, eye.shape) == ((1, 1, 10), (1, 1, 0))
    assert [a.dtype.name for a in (eeg, eye, present)] == ["float32", "float32", "bool"]
    assert present.tolist() == [[[True, False]]]
