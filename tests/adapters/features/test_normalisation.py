import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.features.normalisation import CLIP_SD, Normaliser
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FeatureSpec, FeatureWindow, FloatArray, Modality

MEAN, STD = np.array([10.0, -3.0]), np.array([2.0, 0.5])
ALL = np.ones(2, np.bool_)
SPEC = FeatureSpec(Modality.EEG, "hadua-de", 1, ("a", "b"), 1.0, 0.5)


def windows(values: FloatArray, present: BoolArray | None = None) -> list[FeatureWindow]:
    there = np.ones(values.shape, np.bool_) if present is None else present
    return [
        FeatureWindow(SPEC, v.copy(), k / 2, k / 2 + 1, 1.0, p.copy())
        for k, (v, p) in enumerate(zip(values, there, strict=True))
    ]


def test_source_statistics_give_z_scores() -> None:
    z = Normaliser(MEAN, STD).apply(np.array([14.0, -3.25]), ALL)

    np.testing.assert_allclose(z, [2.0, -0.5])


def test_absent_is_zero_whatever_its_value_and_extremes_are_clipped() -> None:
    normaliser = Normaliser(MEAN, STD)

    np.testing.assert_array_equal(normaliser.apply(np.full(2, np.nan), ~ALL), [0.0, 0.0])
    np.testing.assert_array_equal(normaliser.apply(np.array([1e9, -1e9]), ALL), [CLIP_SD, -CLIP_SD])


@given(n=st.integers(1, 200), seed=st.integers(0, 2**31), prior=st.sampled_from([0.0, 1.0, 60.0]))
@settings(max_examples=40, deadline=None)
def test_baseline_shrinks_toward_the_source(n: int, seed: int, prior: float) -> None:
    rest = np.random.default_rng(seed).standard_normal((n, 2)) * [1.0, 3.0] + [14.0, 2.0]

    after = Normaliser(MEAN, STD, prior_windows=prior).with_baseline(windows(rest))

    np.testing.assert_allclose(after.mean, (prior * MEAN + rest.sum(axis=0)) / (prior + n))
    variance = (5 * prior * STD**2 + n * rest.var(axis=0)) / (5 * prior + n)
    np.testing.assert_allclose(after.std, np.clip(np.sqrt(variance), STD / 2, STD * 2))
    assert after.state == "baseline"


def test_incremental_is_all_at_once_and_nothing_shifts_before_the_end() -> None:
    rest = np.random.default_rng(4).standard_normal((5, 2)) + 7.0
    step = Normaliser(MEAN, STD).begin_baseline(5)
    for k, row in enumerate(rest):
        assert step.state == f"baseline {k}/5"
        np.testing.assert_array_equal(step.mean, MEAN)
        step = step.observe(row, ALL)

    whole = Normaliser(MEAN, STD).with_baseline(windows(rest))
    np.testing.assert_array_equal(step.mean, whole.mean)
    np.testing.assert_array_equal(step.std, whole.std)
    assert step.state == "baseline"
    assert not step.observing


def test_a_value_does_not_change_when_it_is_used() -> None:
    before = Normaliser(MEAN, STD).begin_baseline(1)
    after = before.observe(np.array([20.0, 20.0]), ALL)

    assert (before.state, after.state) == ("baseline 0/1", "baseline")
    np.testing.assert_array_equal(before.mean, MEAN)


def test_features_absent_in_the_baseline_keep_the_source_and_never_turn_nan() -> None:
    rest = np.array([[12.0, np.nan], [14.0, np.nan]])

    after = Normaliser(MEAN, STD, prior_windows=2).with_baseline(windows(rest, np.isfinite(rest)))

    np.testing.assert_allclose(after.mean, [11.5, -3.0])
    assert after.std[1] == STD[1]


def test_windows_of_which_nothing_is_present_do_not_count() -> None:
    step = Normaliser(MEAN, STD).begin_baseline(3).observe(np.full(2, np.nan), ~ALL)
    assert step.state == "baseline 0/3"

    absent = FeatureWindow.absent(SPEC, start_s=0.0, end_s=1.0, reason="gap")
    assert Normaliser(MEAN, STD).with_baseline([absent]).state == "source"


def test_ending_early_uses_what_there_is() -> None:
    step = Normaliser(MEAN, STD, prior_windows=1).begin_baseline(9)
    step = step.observe(np.array([12.0, -3.0]), ALL).end_baseline()

    assert step.state == "baseline"
    np.testing.assert_allclose(step.mean, [11.0, -3.0])


@pytest.mark.parametrize(
    "normaliser",
    [Normaliser(MEAN, STD), Normaliser(MEAN, STD).begin_baseline(1).observe(MEAN, ALL)],
    ids=lambda n: n.state,
)
def test_nothing_is_observed_outside_a_declared_baseline(normaliser: Normaliser) -> None:
    with pytest.raises(InvalidInputError, match=r"not being observed.*begin_baseline"):
        normaliser.observe(MEAN, ALL)


@pytest.mark.parametrize(
    ("mean", "std", "match"),
    [
        ([0.0, 0.0], [1.0, 0.0], "feature 1.*positive"),
        ([np.nan, 0.0], [1.0, 1.0], "feature 0.*finite"),
        ([0.0], [1.0, 1.0], r"mean \(1,\), std \(2,\)"),
    ],
)
def test_refuses_statistics_that_cannot_normalise(
    mean: list[float], std: list[float], match: str
) -> None:
    with pytest.raises(InvalidInputError, match=match):
        Normaliser(mean, std)


@pytest.mark.parametrize("prior", [-1.0, np.nan, np.inf])
def test_refuses_a_prior_that_is_no_count(prior: float) -> None:
    with pytest.raises(InvalidInputError, match="prior_windows"):
        Normaliser(MEAN, STD, prior_windows=prior)


def test_refuses_an_empty_baseline() -> None:
    with pytest.raises(InvalidInputError, match="0 windows"):
        Normaliser(MEAN, STD).begin_baseline(0)
