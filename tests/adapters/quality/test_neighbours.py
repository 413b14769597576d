"""A channel against what the electrodes around it tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.devices.electrodes import electrode_positions
from hadua.adapters.devices.interpolation import spherical_spline_matrix, spline_precision
from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.quality.neighbours import Neighbours, block_means
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

PLACES = electrode_positions(SEED_62)
TEN_TWENTY = (
    *("FP1", "FP2", "F7", "F3", "FZ", "F4", "F8", "T7", "C3", "CZ", "C4", "T8"),
    *("P7", "P3", "PZ", "P4", "P8", "O1", "O2"),
)
EVERYBODY = np.ones(62, np.bool_)


def field(n: int = 125, *, seed: int = 0) -> FloatArray:
    """`(n_channels, n)` potentials that vary smoothly over the head."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((30, 3))
    sources /= np.linalg.norm(sources, axis=1, keepdims=True)
    maps = np.exp(-2.5 * (1.0 - PLACES @ sources.T))
    return np.asarray(maps @ rng.standard_normal((30, n)))


@given(bad=st.lists(st.integers(0, 61), min_size=1, max_size=40, unique=True))
@settings(max_examples=25, deadline=None)
def test_the_precision_interpolates_as_the_spline_does(bad: list[int]) -> None:
    precision = spline_precision(PLACES)
    good = [i for i in range(62) if i not in bad]

    weights = -np.linalg.solve(precision[np.ix_(bad, bad)], precision[np.ix_(bad, good)])

    np.testing.assert_allclose(
        weights, spherical_spline_matrix(PLACES[good], PLACES[bad]), atol=1e-8
    )


def test_nothing_follows_from_no_electrode() -> None:
    with pytest.raises(InvalidInputError, match="from each other: got none"):
        spline_precision(np.zeros((0, 3)))


def test_a_smooth_field_is_as_expected() -> None:
    neighbours = Neighbours(SEED_62, threshold=0.4)

    for seed in range(10):
        r, against = neighbours(field(seed=seed), EVERYBODY)

        assert not against.any()
        np.testing.assert_array_equal(np.isfinite(r), neighbours.judged)
    assert neighbours.judged.mean() > 0.9


@given(strangers=st.lists(st.integers(0, 61), min_size=1, max_size=6, unique=True))
@settings(max_examples=30, deadline=None)
def test_strangers_are_found_and_their_neighbours_are_not_blamed(strangers: list[int]) -> None:
    neighbours = Neighbours(SEED_62, threshold=0.4)
    y = field()
    y[strangers] = y.std() * np.random.default_rng(5).standard_normal((len(strangers), 125))

    _, against = neighbours(y, EVERYBODY)

    judged = set(np.flatnonzero(neighbours.judged))
    assert set(np.flatnonzero(against)) == set(strangers) & judged


def test_channels_with_another_fault_have_no_say() -> None:
    neighbours = Neighbours(SEED_62, threshold=0.4)
    y = field()
    good = EVERYBODY.copy()
    good[[5, 20]] = False
    r, _ = neighbours(y, good)
    y[[5, 20]] = np.nan

    r_again, against = neighbours(y, good)

    np.testing.assert_array_equal(r, r_again)
    assert not against.any()
    assert np.isnan(r[[5, 20]]).all()


def test_size_and_reference_do_not_matter() -> None:
    neighbours = Neighbours(SEED_62, threshold=0.4)
    y = field()
    r, _ = neighbours(y, EVERYBODY)

    np.testing.assert_allclose(neighbours(1e3 * y, EVERYBODY)[0], r, atol=1e-9)
    np.testing.assert_allclose(neighbours(y + 7.0, EVERYBODY)[0], r, atol=1e-9)


@pytest.mark.parametrize(
    "names", [TEN_TWENTY, ("TP9", "AF7", "AF8", "TP10"), tuple(map(str, range(20))), ()]
)
def test_electrodes_far_apart_or_without_a_place_are_not_judged(names: tuple[str, ...]) -> None:
    neighbours = Neighbours(names, threshold=0.4)

    r, against = neighbours(
        np.random.default_rng(0).standard_normal((len(names), 50)), np.ones(len(names), np.bool_)
    )

    assert np.isnan(r).all()
    assert not against.any()


def test_what_stands_still_agrees_with_nothing() -> None:
    neighbours = Neighbours(SEED_62, threshold=0.4)
    y = field()
    y[10] = 3.0

    r, against = neighbours(y, EVERYBODY)

    assert np.flatnonzero(against).tolist() == [10]
    assert r[10] == pytest.approx(0.0, abs=1e-12)


@given(n=st.integers(0, 50), block=st.integers(1, 9))
def test_means_over_blocks(n: int, block: int) -> None:
    x = np.arange(3.0 * n).reshape(3, n)

    means = block_means(x, block)

    assert means.shape == (3, n // block)
    for k in range(n // block):
        np.testing.assert_allclose(means[:, k], x[:, k * block : (k + 1) * block].mean(axis=1))
