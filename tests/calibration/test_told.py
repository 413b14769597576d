"""Classes that somebody has told, and which pieces they are of."""

from dataclasses import replace

import pytest
from support.pieces import piece

from hadua.calibration.told import MOST, Told


def told(*labels: tuple[int, float, float]) -> Told:
    all_of_them = Told()
    for label, from_s, until_s in labels:
        all_of_them.add(label, from_s=from_s, until_s=until_s)
    return all_of_them


@pytest.mark.parametrize(
    ("from_s", "until_s", "hit"),
    [(0.0, 6.0, True), (0.0, 3.0, True), (0.0, 2.0, False), (3.0, 6.0, True), (6.0, 9.0, False)],
)
def test_half_of_a_piece_has_to_be_told_of(from_s: float, until_s: float, hit: bool) -> None:
    """Its windows end at 1, 2, ... 6 s; what ends at the start of a stretch is before it."""
    assert (told((2, from_s, until_s)).applied(piece(0)).trusted == 2) is hit


def test_of_two_that_overlap_the_later_one_holds() -> None:
    assert told((2, 0.0, 6.0), (1, 0.0, 6.0)).applied(piece(0)).trusted == 1


def test_a_piece_that_nobody_has_told_of_stays_the_same() -> None:
    own = piece(0)
    assert told((2, 100.0, 200.0)).applied(own) is own


def test_a_told_piece_may_teach_however_unsure_its_prediction_was() -> None:
    assert told((2, 0.0, 6.0)).applied(replace(piece(0), sure=False)).sure


def test_they_are_bounded_and_the_oldest_goes() -> None:
    many = told(*((1, 10.0 * k, 10.0 * k + 6.0) for k in range(MOST + 1)))

    assert many.applied(piece(0, start_s=0.0)).trusted is None
    assert many.applied(piece(0, start_s=10.0)).trusted == 1
