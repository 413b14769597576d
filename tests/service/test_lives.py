"""Counts over several lives of a stream, and how one follows the other."""

from dataclasses import replace

from support.service import EEG, ramp

from hadua.adapters.sources.source import SourceHealth
from hadua.service.lives import Lives

FIRST = SourceHealth(samples=100, gaps=1, lost_samples=7, overflows=1, clock_offset_s=3.0)
SECOND = SourceHealth(samples=20, gaps=1, lost_samples=2, clock_offset_s=4.0, answers=True)


def test_counts_add_up_and_all_else_is_as_it_is_now() -> None:
    lives = Lives()
    assert lives.all_of(FIRST) == FIRST
    lives.end(FIRST)
    assert lives.all_of(FIRST) == FIRST  # not counted twice while it is looked for
    lives.begin()
    both = replace(SECOND, samples=120, gaps=2, lost_samples=9, overflows=1)
    assert lives.all_of(SECOND) == both
    lives.end(SECOND)
    lives.begin()
    assert lives.all_of(SourceHealth()).samples == 120


def test_the_first_chunk_of_a_new_life_follows_a_gap_and_the_others_do_not() -> None:
    lives = Lives()
    first, second, third, fourth = (ramp(EEG, 10 * k, 10 * k + 10) for k in range(4))
    assert lives.go_on(first) is first
    lives.end(FIRST)
    lives.begin()
    joined = lives.go_on(second)
    assert joined is not None
    assert joined.gap_before
    assert lives.go_on(third) is third
    assert lives.go_on(fourth) is fourth


def test_samples_stamped_before_earlier_ones_are_left_out_once() -> None:
    lives = Lives()
    lives.go_on(ramp(EEG, 0, 100))
    lives.end(FIRST)
    lives.begin()
    assert lives.go_on(ramp(EEG, 0, 90)) is None
    joined = lives.go_on(ramp(EEG, 90, 120))
    again = ramp(EEG, 110, 130)  # within a life that is the source's own affair
    assert lives.go_on(again) is again

    assert joined is not None
    assert joined.x[:, 0].tolist() == list(range(99, 120))
    assert joined.gap_before
    (note,) = lives.all_of(FIRST).notes
    assert note == "99 samples were stamped before earlier ones: left out"
    assert lives.left_out == 99
