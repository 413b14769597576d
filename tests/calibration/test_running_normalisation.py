"""Level and spread that follow a person, against sums written out, and not the person's classes."""

from dataclasses import replace

import numpy as np
import pytest
from support.pieces import PLAIN, piece, windows

from hadua.calibration.buffer import Piece
from hadua.calibration.running_normalisation import WEIGHT_BOUNDS, distance, followed
from hadua.models.bundle import Normalisation
from hadua.models.features import Modality

BEGIN = {m: Normalisation(n.mean + 1.0, n.std * 2.0) for m, n in PLAIN.items()}


def test_nothing_seen_leaves_it_as_it_was() -> None:
    assert followed([], BEGIN, prior_windows=60.0) == BEGIN


def test_it_is_the_weighted_moments_written_out() -> None:
    pieces = [piece(0, start_s=9.0 * k, noise=1.0, value=2.0) for k in range(5)]
    pieces.append(piece(1, noise=1.0, value=-3.0))
    got = followed(pieces, BEGIN, prior_windows=20.0)

    each = np.repeat(np.clip([3 / 5] * 5 + [3 / 1], *WEIGHT_BOUNDS), 6)
    each /= each.mean()
    x = (np.concatenate([p.windows.eeg for p in pieces]).astype(np.float64) - 1.0) / 2.0
    w, total = each[:, None], each.sum() + 20.0
    mean = (w * x).sum(axis=0) / total
    variance = ((w * (x - mean) ** 2).sum(axis=0) + 20.0 * (1.0 + mean**2)) / total
    np.testing.assert_allclose(got[Modality.EEG].mean, 1.0 + 2.0 * mean, rtol=1e-5)
    np.testing.assert_allclose(got[Modality.EEG].std, 2.0 * np.sqrt(variance), rtol=1e-5)


def test_an_endless_prior_is_the_start_and_none_the_person() -> None:
    pieces = [piece(0, value=5.0, noise=1.0), piece(1, value=5.0, noise=1.0)]
    stays = followed(pieces, BEGIN, prior_windows=1e12)[Modality.EEG]
    own = followed(pieces, BEGIN, prior_windows=0.0)[Modality.EEG]
    x = np.concatenate([p.windows.eeg for p in pieces])

    np.testing.assert_allclose(stays.mean, BEGIN[Modality.EEG].mean, atol=1e-6)
    np.testing.assert_allclose(own.mean, x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(own.std, x.std(axis=0), rtol=1e-5)


def test_ten_times_as_much_of_one_class_does_not_become_the_level() -> None:
    """Classes at -1 and 1: a plain mean of ten to one is 0.82 off the middle."""
    many = [piece(0, value=1.0) for _ in range(20)]
    few = [piece(1, value=-1.0) for _ in range(2)]
    got = followed([*many, *few], PLAIN, prior_windows=0.0)[Modality.EEG].mean

    assert (np.abs(got) < 0.5).all()


def gone(own: Piece, column: int) -> Piece:
    eeg = own.windows.eeg.copy()
    eeg[:, column] = np.nan
    return replace(own, windows=replace(own.windows, eeg=eeg))


def test_an_electrode_that_dies_keeps_what_was_known_of_it() -> None:
    alive = [piece(k % 2, value=3.0, noise=0.5, start_s=9.0 * k) for k in range(6)]
    dead = [gone(piece(k % 2, value=3.0, noise=0.5, start_s=90.0 * k), 0) for k in range(60)]
    before = followed(alive, PLAIN, prior_windows=10.0)[Modality.EEG]
    after = followed([*alive, *dead], PLAIN, prior_windows=10.0)[Modality.EEG]

    assert after.mean[0] == pytest.approx(before.mean[0], rel=1e-9)
    assert after.std[0] == pytest.approx(before.std[0], rel=1e-9)
    assert after.mean[1] != pytest.approx(before.mean[1], rel=1e-3)


def test_a_modality_that_was_never_measured_stays_and_a_constant_one_is_finite() -> None:
    own = piece(value=7.0)
    blind = replace(own, windows=replace(own.windows, eye=np.full_like(own.windows.eye, np.nan)))
    got = followed([blind] * 4, BEGIN, prior_windows=0.0)

    np.testing.assert_array_equal(got[Modality.EYE].mean, BEGIN[Modality.EYE].mean)
    np.testing.assert_array_equal(got[Modality.EYE].std, BEGIN[Modality.EYE].std)
    np.testing.assert_allclose(got[Modality.EEG].mean, 7.0)
    assert (got[Modality.EEG].std > 0.0).all()


def test_the_distance_is_in_deviations_of_the_start() -> None:
    far, n = distance([piece(value=5.0), piece(value=5.0)], BEGIN)  # (5 - 1) / 2

    assert n == 12
    np.testing.assert_allclose(far, 2.0)


def test_what_was_not_measured_is_no_distance() -> None:
    nan = np.full((6, 3), np.nan)
    some = np.where(np.arange(6)[:, None] < 3, np.array([2.0, np.nan]), np.nan)
    far, _ = distance([replace(piece(), windows=windows(nan, some))], PLAIN)

    np.testing.assert_allclose(far, [2.0])


def test_of_nothing_there_is_no_distance() -> None:
    far, n = distance([], PLAIN)
    assert (far.size, n) == (0, 0)
