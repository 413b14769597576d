"""What was held of a sitting outlives the process that held it, piece by piece."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from support.pieces import piece
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import moved, people
from support.toy_stream import QUICK, adapter, followed, of_classes, toy_stream

from hadua.calibration.buffer import Piece, PieceBuffer
from hadua.calibration.online import OnlineAdapter
from hadua.calibration.sitting import Counts, Sitting, SittingFiles

PERSON = people(3, n_stretches=30, noise=0.4).windows
STREAM = toy_stream(PERSON)
COUNTS = Counts(seen=7, before=0, learnt_from=3, earlier=False)


def of_numbers(*numbers: int) -> Sitting:
    return Sitting([replace(piece(1, place=float(k)), number=k) for k in numbers], COUNTS)


def numbers(sitting: Sitting | None) -> list[int]:
    assert sitting is not None
    return [p.number for p in sitting.pieces]


def assert_same(a: Piece, b: Piece) -> None:
    assert (a.stretch, a.trusted, a.sure, a.own, a.number) == (
        b.stretch, b.trusted, b.sure, b.own, b.number,
    )  # fmt: skip
    np.testing.assert_array_equal(a.probabilities, b.probabilities)
    np.testing.assert_array_equal(a.place, b.place)
    for field in fields(a.windows):
        left, right = getattr(a.windows, field.name), getattr(b.windows, field.name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


def test_what_is_read_is_what_was_held(tmp_path: Path) -> None:
    told, unsure = piece(2, stretch=5, trusted=0, noise=1.0), replace(piece(0), sure=False)
    gone = piece(1, n=4, value=np.nan)
    held = [replace(p, number=k) for k, p in enumerate((told, unsure, gone))]
    SittingFiles(tmp_path / "s").keep(Sitting(held, COUNTS))

    back = SittingFiles(tmp_path / "s").read()
    assert back is not None
    assert back.counts == COUNTS
    for a, b in zip(back.pieces, held, strict=True):
        assert_same(a, b)


def test_only_what_has_changed_is_written_and_what_has_gone_goes(tmp_path: Path) -> None:
    files, first = SittingFiles(tmp_path / "s"), of_numbers(0, 1, 10)
    files.keep(first)
    written = {p.name: p.stat().st_ino for p in (tmp_path / "s").iterdir()}
    changed = replace(first.pieces[1], trusted=2)
    files.keep(Sitting([changed, first.pieces[2]], COUNTS))
    after = {p.name: p.stat().st_ino for p in (tmp_path / "s").iterdir()}

    assert written.keys() - after.keys() == {"0.piece"}
    assert {name for name in after if after[name] != written[name]} == {"1.piece"}
    back = SittingFiles(tmp_path / "s").read()
    assert back is not None
    assert [(p.number, p.trusted) for p in back.pieces] == [(1, 2), (10, None)]


def test_whoever_takes_over_lets_nothing_of_the_old_ones_stand(tmp_path: Path) -> None:
    SittingFiles(tmp_path / "s").keep(of_numbers(0, 1, 2))
    successor = SittingFiles(tmp_path / "s")
    assert numbers(successor.read()) == [0, 1, 2]
    other = replace(piece(2, value=5.0), number=1)  # another one of the same number
    successor.keep(Sitting([other], COUNTS))

    back = SittingFiles(tmp_path / "s").read()
    assert back is not None
    (only,) = back.pieces
    assert_same(only, other)


def test_what_is_damaged_or_half_written_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    SittingFiles(folder).keep(of_numbers(0, 1, 2, 3))
    whole = (folder / "1.piece").read_bytes()
    (folder / "1.piece").write_bytes(whole[: len(whole) // 2])
    (folder / "2.piece").write_bytes(b"")
    (folder / "4.piece.new").write_bytes(whole[:99])

    assert numbers(SittingFiles(folder).read()) == [0, 3]
    (folder / "counts").write_bytes(b"\xc1")
    assert SittingFiles(folder).read() is None


def test_pieces_of_somebody_else_that_a_kill_has_left_are_not_read(tmp_path: Path) -> None:
    files = SittingFiles(tmp_path / "s")
    files.keep(of_numbers(0, 1, 2, 3))
    (tmp_path / "s" / "0.piece").replace(tmp_path / "kept")
    files.keep(
        Sitting(of_numbers(3).pieces, Counts(seen=4, before=3, learnt_from=0, earlier=False))
    )
    (tmp_path / "kept").replace(tmp_path / "s" / "0.piece")

    assert numbers(SittingFiles(tmp_path / "s").read()) == [3]


def test_of_nothing_nothing_is_read_and_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    files = SittingFiles(tmp_path / "s")
    assert files.read() is None
    files.forget()
    files.keep(of_numbers(0))
    files.forget()

    assert not (tmp_path / "s").exists()
    files.keep(of_numbers(0))
    assert numbers(files.read()) == [0]


def test_a_buffer_that_takes_over_keeps_numbers_and_bounds() -> None:
    old = PieceBuffer(capacity=6, per_stretch=9)
    for k in range(9):
        old.add(piece(k % 3, stretch=k, place=float(k)))
    for capacity in (6, 3):
        new = PieceBuffer(capacity=capacity, per_stretch=9)
        new.resume(old.pieces, seen=old.seen)

        assert len(new) == capacity
        assert {p.number for p in new.pieces} <= {p.number for p in old.pieces}
        assert new.seen == 9
        new.add(piece())
        assert new.pieces[-1].number == 9


def taken_over(loop: OnlineAdapter, folder: Path, *, owed: bool = False) -> OnlineAdapter:
    SittingFiles(folder).keep(loop.sitting)
    sitting = SittingFiles(folder).read()
    assert sitting is not None
    successor = adapter(replace(QUICK, growth=1.2))
    successor.adopt(loop.served.network, loop.served.normalisation)  # the version that answers
    successor.resume(sitting, owed=owed)
    return successor


def test_a_successor_learns_anew_from_all_of_the_sitting_and_when_it_would_have_been(
    tmp_path: Path,
) -> None:
    whole = adapter(replace(QUICK, growth=1.2))
    followed(whole, STREAM[:108])
    successor = taken_over(whole, tmp_path / "s")

    due = []
    for loop in (whole, successor):
        at = []
        for k, window in enumerate(STREAM[108:]):
            loop.observe(window)
            if loop.relearning_due:
                at.append((108 + k + 1, len(loop.to_relearn())))
        due.append(at)
    assert due[0] == due[1] == [(120, 120), (144, 144), (174, 174)]
    assert [p.stretch for p in successor.sitting.pieces] == sorted(
        p.stretch for p in successor.sitting.pieces
    )


def test_what_one_had_no_time_for_its_successor_does_at_once(tmp_path: Path) -> None:
    loop = adapter(replace(QUICK, growth=1.2))
    followed(loop, STREAM[:120])
    assert loop.relearning_due
    loop.to_relearn()

    died = taken_over(loop, tmp_path / "died")
    assert not died.relearning_due  # it may be what it died of
    owed = taken_over(loop, tmp_path / "owed", owed=True)
    assert owed.relearning_due
    assert len(owed.to_relearn()) == 120
    assert not owed.relearning_due


def test_a_new_stretch_of_time_begins_with_the_successor(tmp_path: Path) -> None:
    loop = adapter()
    followed(loop, STREAM[:60])
    successor = taken_over(loop, tmp_path / "s")
    followed(successor, STREAM[60:72])

    before = max(p.stretch for p in loop.sitting.pieces)
    assert [p.stretch for p in successor.sitting.pieces][-2:] == [before + 1] * 2


def test_an_earlier_sitting_is_no_part_of_this_one_until_somebody_else_comes() -> None:
    loop = adapter(replace(QUICK, first_pieces=20), known=True)
    loop.remember(as_measured(PERSON, toy_bundle()), toy_bundle().normalisation)
    followed(loop, toy_stream(of_classes([0, 1] * 5).windows))
    both = loop.sitting
    assert both.counts.earlier
    assert len(both.pieces) == 10
    stranger = toy_stream(moved(of_classes([0, 1] * 10, seed=8).windows, offset=1.5))
    next(window for window in stranger if loop.observe(window).rolled_back)

    none = loop.sitting
    assert not none.pieces
    assert not none.counts.earlier
    assert none.counts.before == none.counts.seen
