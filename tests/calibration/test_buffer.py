"""A memory that is bounded, balanced and never loses what somebody has told."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pieces import PLAIN, piece

from hadua.calibration.buffer import PieceBuffer
from hadua.models.bundle import Normalisation
from hadua.models.errors import InvalidInputError
from hadua.models.features import Modality

STREAMS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), max_size=60)


def counts(buffer: PieceBuffer) -> Counter[int]:
    return Counter(p.label for p in buffer.pieces)


@given(stream=STREAMS, capacity=st.integers(2, 9), per_stretch=st.integers(1, 4))
def test_it_is_bounded_and_no_stretch_has_more_than_its_share(
    stream: list[tuple[int, int, bool]], capacity: int, per_stretch: int
) -> None:
    buffer = PieceBuffer(capacity=capacity, per_stretch=per_stretch)
    for k, (label, stretch, told) in enumerate(stream):
        buffer.add(piece(label, stretch=stretch, place=float(k), trusted=label if told else None))

        assert len(buffer) <= capacity
        assert max(Counter(p.stretch for p in buffer.pieces).values()) <= per_stretch
    numbers = [p.number for p in buffer.pieces]
    assert numbers == sorted(numbers)
    assert buffer.seen == len(stream)


def test_an_hour_of_one_class_does_not_drive_out_the_other() -> None:
    buffer = PieceBuffer(capacity=10, per_stretch=100)
    for k in range(5):
        buffer.add(piece(1, place=float(k)))
    for k in range(300):
        buffer.add(piece(0, place=float(k)))

    assert counts(buffer) == {0: 5, 1: 5}


def test_a_class_that_comes_late_gets_its_place() -> None:
    buffer = PieceBuffer(capacity=12, per_stretch=100)
    for label in (0, 1, 2):
        for k in range(50):
            buffer.add(piece(label, place=float(k)))

    assert counts(buffer) == {0: 4, 1: 4, 2: 4}


def test_inside_a_class_the_older_of_the_two_most_alike_goes() -> None:
    buffer = PieceBuffer(capacity=4, per_stretch=100)
    for place in (0.0, 5.0, 5.1, 9.0, 20.0):
        buffer.add(piece(place=place))

    assert [p.place[0] for p in buffer.pieces] == [0.0, 5.1, 9.0, 20.0]


def test_the_newest_stays_even_if_it_is_the_most_alike() -> None:
    buffer = PieceBuffer(capacity=3, per_stretch=100)
    for place in (0.0, 5.0, 9.0, 9.0):
        buffer.add(piece(place=place))

    assert [p.number for p in buffer.pieces] == [0, 1, 3]


def test_what_was_told_outlives_what_was_not() -> None:
    buffer = PieceBuffer(capacity=4, per_stretch=100)
    for k in range(3):
        buffer.add(piece(0, place=0.0, trusted=0, start_s=float(k)))
    for k in range(20):
        buffer.add(piece(0, place=float(k)))

    assert [p.trusted for p in buffer.pieces] == [0, 0, 0, None]


def test_the_told_class_counts_not_the_predicted_one() -> None:
    assert piece(0, trusted=2).label == 2
    assert piece(1).label == 1


def test_with_one_piece_of_each_class_and_no_room_the_newest_does_not_come_in() -> None:
    buffer = PieceBuffer(capacity=2, per_stretch=100)
    for label in (0, 1, 2):
        buffer.add(piece(label))

    assert [p.label for p in buffer.pieces] == [0, 1]


def test_what_is_forgotten_is_everything_from_a_number_on() -> None:
    buffer = PieceBuffer(capacity=9, per_stretch=9)
    for _ in range(5):
        buffer.add(piece())
    buffer.forget_since(3)

    assert [p.number for p in buffer.pieces] == [0, 1, 2]
    assert buffer.seen == 5


def test_revision_changes_pieces_where_they_are() -> None:
    buffer = PieceBuffer(capacity=9, per_stretch=9)
    for label in (0, 1):
        buffer.add(piece(label))
    buffer.revise(lambda p: replace(p, trusted=2))

    assert counts(buffer) == {2: 2}
    assert [p.number for p in buffer.pieces] == [0, 1]


@pytest.mark.parametrize("where", ["place", "probabilities"])
def test_a_value_that_is_not_finite_is_refused(where: str) -> None:
    buffer, whole = PieceBuffer(capacity=3, per_stretch=3), piece()
    broken = {where: np.full_like(getattr(whole, where), np.nan)}

    with pytest.raises(InvalidInputError, match="not finite"):
        buffer.add(replace(whole, **broken))

    assert (len(buffer), buffer.seen) == (0, 0)


@pytest.mark.parametrize(("capacity", "per_stretch"), [(1, 1), (0, 1), (2, 0)])
def test_a_buffer_that_could_hold_nothing_is_refused(capacity: int, per_stretch: int) -> None:
    with pytest.raises(InvalidInputError, match=f"capacity={capacity}, per_stretch={per_stretch}"):
        PieceBuffer(capacity=capacity, per_stretch=per_stretch)


def test_a_piece_of_another_sitting_is_moved_to_where_this_one_is() -> None:
    def of(mean: float, std: float) -> dict[Modality, Normalisation]:
        return {m: Normalisation(n.mean + mean, n.std * std) for m, n in PLAIN.items()}

    own = piece(value=4.0)
    moved = replace(own, own=of(2.0, 1.0)).in_units_of(of(10.0, 3.0))

    assert own.in_units_of(of(10.0, 3.0)) is own.windows
    np.testing.assert_array_equal(moved.eeg, 16.0)  # (4 - 2) / 1 * 3 + 10
    np.testing.assert_array_equal(moved.eye, 16.0)
    np.testing.assert_array_equal(moved.end_s, own.windows.end_s)
