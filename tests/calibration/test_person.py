import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.calibration.person import PersonStatistics, by_person
from hadua.calibration.windows import Windows


def sittings(counts: list[int], *, seed: int) -> Windows:
    rng = np.random.default_rng(seed)
    session = np.repeat(np.arange(len(counts)), counts)
    n = len(session)
    present = rng.random((n, 2)) > 0.2
    x = [
        (rng.normal(3.0 * session[:, None], 1.0 + session[:, None], (n, 3)) * there[:, None])
        for there in present.T
    ]
    return Windows(
        x[0].astype(np.float32),
        x[1].astype(np.float32),
        present,
        np.zeros(n, np.int64),
        session,
        session,
    )


@given(counts=st.lists(st.integers(30, 60), min_size=1, max_size=3), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_without_a_prior_it_is_the_z_score_of_each_sitting(counts: list[int], seed: int) -> None:
    windows = sittings(counts, seed=seed)

    z = by_person(windows)

    for k in range(len(counts)):
        rows = (windows.session == k) & windows.present[:, 0]
        x = windows.x_eeg[rows].astype(np.float64)
        expected = (x - x.mean(axis=0)) / x.std(axis=0)
        np.testing.assert_allclose(z.x_eeg[rows], expected, atol=1e-4)
    assert (z.x_eye[~windows.present[:, 1]] == 0.0).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_windows_stay_near_the_source(n: int) -> None:
    windows = sittings([50], seed=0)
    statistics = PersonStatistics.of(windows.pick(np.arange(n)), prior_windows=1e6)

    np.testing.assert_allclose(statistics.apply(windows).x_eeg, windows.x_eeg, atol=1e-3)


@pytest.mark.parametrize("n", [0, 1])
def test_one_window_alone_has_no_spread_to_divide_by(n: int) -> None:
    windows = sittings([50], seed=0)

    applied = PersonStatistics.of(windows.pick(np.arange(n))).apply(windows)

    assert np.isfinite(applied.x_eeg).all()
    shift = (windows.x_eeg - applied.x_eeg)[windows.present[:, 0]]
    assert np.ptp(shift, axis=0).max() < 1e-5


def test_a_sitting_not_observed_stays_as_it_is() -> None:
    windows = sittings([40, 40], seed=0)
    first = PersonStatistics.of(windows.pick(windows.session == 0))

    applied = first.apply(windows)

    later = windows.session == 1
    np.testing.assert_array_equal(applied.x_eeg[later], windows.x_eeg[later])


@given(prior=st.floats(0.0, 100.0), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_the_prior_is_so_many_windows_of_the_source(prior: float, seed: int) -> None:
    windows = sittings([30], seed=seed)
    x = windows.x_eeg[windows.present[:, 0]].astype(np.float64)
    n = len(x)

    (mean, std), _ = PersonStatistics.of(windows, prior_windows=prior).moments[0, 0]

    first, second = x.sum(axis=0) / (n + prior), ((x**2).sum(axis=0) + prior) / (n + prior)
    np.testing.assert_allclose(mean, first, atol=1e-9)
    np.testing.assert_allclose(std, np.sqrt(second - first**2), rtol=1e-6)
