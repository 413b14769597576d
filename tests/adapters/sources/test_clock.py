"""The clock's time, and the instants that `SegmentClock` makes of stamps."""

import gzip
import itertools
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pylsl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.sources.clock import SegmentClock, lsl_now_s
from hadua.models.errors import StreamInvalidError
from hadua.models.features import FloatArray


@dataclass(frozen=True)
class Run:
    t_s: FloatArray
    gaps: list[int]
    lost: int
    clock: SegmentClock


def restamp(rate_hz: float, stamp_s: FloatArray, *, chunk: int | list[int] = 12) -> Run:
    clock, gaps, lost, pieces, n = SegmentClock(rate_hz), [], 0, [np.empty(0)], 0
    cuts = chunk if isinstance(chunk, list) else list(range(chunk, len(stamp_s), chunk))
    pushed = (clock.push(stamp_s[a:b]) for a, b in pairwise([0, *cuts, len(stamp_s)]))
    for out in itertools.chain(pushed, (clock.flush() for _ in range(1))):
        gaps += [n + g for g in out.gaps]
        lost += out.lost
        n += len(out.t_s)
        pieces.append(out.t_s)
    return Run(np.concatenate(pieces), gaps, lost, clock)


def instants(n: int, *, rate_hz: float = 250.0, start_s: float = 1000.0) -> FloatArray:
    return start_s + np.arange(n) / rate_hz


def test_our_clock_is_liblsls() -> None:
    for _ in range(100):
        before = lsl_now_s()
        theirs = pylsl.local_clock()
        assert before <= theirs <= lsl_now_s()


def test_our_clock_moves() -> None:
    before = lsl_now_s()
    time.sleep(0.01)
    assert lsl_now_s() >= before + 0.009


@given(
    ppm=st.floats(-499, 499),
    rate_hz=st.sampled_from([50.0, 250.0, 256.0, 1000.0]),
    chunk=st.integers(1, 300),
    start_s=st.sampled_from([0.0, 1e3, 2e6, 1.7e9]),
)
@settings(max_examples=20, deadline=None)
def test_stamps_without_jitter_come_out_unchanged(
    ppm: float, rate_hz: float, chunk: int, start_s: float
) -> None:
    stamps = instants(2000, rate_hz=rate_hz * (1 + ppm * 1e-6), start_s=start_s)

    run = restamp(rate_hz, stamps, chunk=chunk)

    # One step of float64 at 1.7e9 s is 2.4e-7 s: the input itself is that coarse.
    assert np.abs(run.t_s - stamps).max() <= max(1e-9, 2 * np.spacing(start_s))
    assert run.gaps == []


@given(
    seed=st.integers(0, 10_000),
    jitter_s=st.floats(0, 0.03),
    cuts=st.sets(st.integers(1, 999), max_size=20),
)
@settings(max_examples=20, deadline=None)
def test_instants_never_decrease_and_chunking_matters_within_the_jitter(
    seed: int, jitter_s: float, cuts: set[int]
) -> None:
    jitter = np.random.default_rng(seed).uniform(0, jitter_s, 1000)
    stamps = instants(1000) + jitter

    one, other = restamp(250.0, stamps, chunk=sorted(cuts)), restamp(250.0, stamps, chunk=1)

    assert (np.diff(one.t_s) >= 0).all()
    assert (np.diff(other.t_s) >= 0).all()
    assert np.abs(one.t_s - other.t_s).max() <= jitter_s + 1e-9
    assert one.gaps == other.gaps == []


@given(hole_s=st.floats(0.1, 20.0), at=st.integers(300, 1700), chunk=st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_a_lost_stretch_is_a_gap_and_counted(hole_s: float, at: int, chunk: int) -> None:
    stamps = instants(2000)
    stamps[at:] += hole_s

    run = restamp(250.0, stamps, chunk=chunk)

    assert run.gaps == [at]
    assert abs(run.lost - hole_s * 250) <= 1
    assert np.abs(run.t_s - stamps).max() < 1e-9


def test_a_hole_that_the_next_samples_make_up_for_is_none() -> None:
    stamps = instants(2000)
    stamps[1000:1050] = stamps[1050]  # a radio link stalls for 200 ms, then sends all at once

    run = restamp(250.0, stamps, chunk=200)

    assert run.gaps == []
    assert np.abs(run.t_s - instants(2000)).max() < 2e-3


def in_bursts(n: int, *, length: int) -> FloatArray:
    """Stamps of a program that polls, and pushes sample by sample what it finds."""
    k = np.arange(n)
    return instants(n)[np.minimum((k // length + 1) * length - 1, n - 1)] + 1e-5 * (k % length)


def first_alone(n: int, *, length: int) -> list[int]:
    """Cuts for a reader that wakes up with the first sample of each burst."""
    return sorted({c + i for c in range(0, n, length) for i in (0, 1)} - {0, n})


@pytest.mark.parametrize("length", [5, 25, 50, 125, 200])
def test_a_stream_that_comes_in_bursts_has_gaps_only_until_that_is_known(length: int) -> None:
    stamps = in_bursts(10_000, length=length)

    whole = restamp(250.0, stamps, chunk=length)
    torn = restamp(250.0, stamps, chunk=first_alone(10_000, length=length))

    assert whole.gaps == []
    assert len(torn.gaps) <= 4
    assert torn.lost <= length
    assert max(torn.gaps, default=0) <= 5 * length
    for run in (whole, torn):
        assert run.clock.rate_hz == pytest.approx(250.0, rel=1e-3)
        assert np.abs(run.t_s - instants(10_000))[2500:].max() < 6e-3


def test_a_loss_between_bursts_is_still_a_gap() -> None:
    length, at = 50, 5000
    stamps = in_bursts(10_000, length=length)
    stamps[at:] += 0.6

    run = restamp(250.0, stamps, chunk=first_alone(10_000, length=length))

    late = [g for g in run.gaps if g > 5 * length]
    assert late == [at]
    # That the first sample at hand was 200 ms late cannot be told from a longer loss.
    assert 150 <= run.lost <= 200


def test_a_stream_that_has_stopped_coming_in_bursts_is_not_waited_for() -> None:
    stamps = np.concatenate([in_bursts(2500, length=50), instants(10_000)[2500:]])
    stamps[7500:] += 0.25

    run = restamp(250.0, stamps, chunk=first_alone(10_000, length=50))

    assert [g for g in run.gaps if g > 250] == [7500]
    assert np.array_equal(run.t_s[7500:], stamps[7500:])


def test_stalls_now_and_then_do_not_make_it_wait_for_a_loss() -> None:
    stamps, stalled = instants(20_000), [3000, 8000, 13_000]
    for at in stalled:
        stamps[at : at + 75] = stamps[at + 75]
    stamps[17_000:] += 0.3

    run = restamp(250.0, stamps, chunk=[*sorted([*stalled, *(s + 1 for s in stalled)]), 17_000])

    assert run.gaps[-1] == 17_000
    assert run.clock.bursts_apart_s == 0.0


@pytest.mark.parametrize("jitter_s", [0.0, 0.005, 0.010])
@pytest.mark.parametrize("chunk", [1, 12])
def test_a_short_loss_is_a_gap_where_stamps_are_never_that_late(
    jitter_s: float, chunk: int
) -> None:
    """One packet of a radio link: 12 samples, 48 ms."""
    truth = instants(10_000)
    truth[6000:] += 0.048
    stamps = truth + np.random.default_rng(4).uniform(0.0, jitter_s, truth.shape[0])

    run = restamp(250.0, stamps, chunk=chunk)

    assert (run.gaps, run.lost) == ([6000], 12)
    assert np.abs(run.t_s - truth).max() < 2e-3


@pytest.mark.parametrize("at", [0, 1, 700])
@pytest.mark.parametrize("n", [1, 5])
def test_stamps_far_in_the_future_cost_nothing(at: int, n: int) -> None:
    stamps = instants(2000)
    stamps[at : at + n] += 1000.0

    run = restamp(250.0, stamps, chunk=1)

    assert (run.gaps, run.lost) == ([], 0)
    assert np.abs(run.t_s - instants(2000)).max() < 1e-5  # their order says when they were taken


@pytest.mark.parametrize("at", [0, 1, 700])
def test_a_stamp_far_in_the_future_costs_its_sample_in_an_irregular_stream(at: int) -> None:
    stamps = instants(2000)
    stamps[at] += 1000.0

    run = restamp(0.0, stamps, chunk=1)

    assert np.array_equal(run.t_s, np.delete(instants(2000), at))
    assert (run.clock.discarded, run.lost) == (1, 1)


def test_a_clock_that_is_set_forward_begins_a_new_stretch() -> None:
    stamps = instants(2000)
    stamps[1000:] += 1000.0

    run = restamp(250.0, stamps, chunk=1)

    assert run.gaps == [1000]
    assert np.abs(run.t_s - stamps).max() < 1e-9


def test_the_first_samples_of_a_stretch_wait_for_a_quarter_of_a_second_of_others() -> None:
    clock, stamps = SegmentClock(250.0), instants(500)
    stamps[300:] += 2.0
    decided = [len(clock.push(stamps[i : i + 1]).t_s) for i in range(500)]

    for first in (0, 300):
        waited = int(np.argmax(np.array(decided[first:]) > 0))
        assert stamps[first + waited] - stamps[first] == pytest.approx(0.25, abs=0.005)
        assert decided[first + waited] == waited + 1
    assert sum(decided) == 500


def test_what_waits_is_given_before_a_loss_that_the_sender_tells_of_and_when_asked() -> None:
    clock, stamps = SegmentClock(250.0), instants(40)
    assert len(clock.push(stamps[:10]).t_s) == 0

    before = clock.lose(7)
    after = clock.push(stamps[10:20] + 7 / 250.0)
    flushed = clock.flush()

    assert np.array_equal(before.t_s, stamps[:10])
    assert len(after.t_s) == 0
    assert (len(flushed.t_s), flushed.gaps, flushed.lost) == (10, (0,), 7)
    assert len(clock.flush().t_s) == 0


def test_many_small_losses_become_a_gap() -> None:
    whole = instants(250 * 20)
    kept = np.ones(whole.shape[0], np.bool_)
    kept[250 * 10 :] = np.arange(250 * 10) % 25 >= 5  # every fifth sample, 20 ms at a time

    run = restamp(250.0, whole[kept], chunk=10)

    assert run.gaps
    assert abs(run.gaps[0] - 250 * 10) < 500


@pytest.mark.parametrize(("chunk", "n_files"), [(1, 1), (12, 6), (64, 2)])
def test_real_muse_stamps_have_jitter_and_no_gaps(
    recordings: Path, chunk: int, n_files: int
) -> None:
    files = sorted((recordings / "muse_ssvep").glob("subject1*.csv.gz"))
    assert len(files) == 6
    for file in files[-n_files:]:
        with gzip.open(file, "rt") as text:
            stamps = np.loadtxt(text, delimiter=",", skiprows=1, usecols=0)

        run = restamp(256.0, stamps, chunk=chunk)

        assert run.gaps == []
        k = np.arange(stamps.shape[0])
        line = np.polyval(np.polyfit(k[512:], run.t_s[512:], 1), k)
        assert np.ptp((stamps - line)[512:]) > 0.015
        assert np.ptp((run.t_s - line)[512:]) < 0.007


@pytest.mark.parametrize(("declared_hz", "sent_hz"), [(600.0, 120.0), (30.0, 120.0), (60.0, 66.0)])
def test_a_wrong_declared_rate_is_found_out(declared_hz: float, sent_hz: float) -> None:
    stamps = instants(int(20 * sent_hz), rate_hz=sent_hz)

    run = restamp(declared_hz, stamps, chunk=5)

    assert run.gaps == []
    assert run.clock.rate_hz == pytest.approx(sent_hz, rel=1e-3)
    assert np.abs(run.t_s - stamps)[int(5 * sent_hz) :].max() < 1e-6


@pytest.mark.parametrize("rate_hz", [0.0, 250.0])
@pytest.mark.parametrize("start_s", [500.0, 1001.7])  # 501 s and 0.3 s before the newest
def test_samples_from_far_back_are_discarded_and_break_the_stream(
    rate_hz: float, start_s: float
) -> None:
    stamps = np.concatenate([instants(500), instants(10, start_s=start_s), instants(500) + 2.0])

    run = restamp(rate_hz, stamps, chunk=7)

    assert run.clock.discarded == 10
    assert run.gaps == [500]
    assert np.array_equal(run.t_s, np.concatenate([instants(500), instants(500) + 2.0]))


def test_a_sender_that_declares_its_rate_a_little_wrong_is_followed_through_its_jitter() -> None:
    """1200 ppm: more than the bounds allow for, and less than the eye can see."""
    truth = instants(20_000, rate_hz=250.3)
    stamps = truth + np.random.default_rng(5).uniform(0.0, 0.020, truth.shape[0])

    run = restamp(250.0, stamps, chunk=12)

    assert run.gaps == []
    assert np.abs(run.t_s - truth).max() < 5e-3
    assert np.quantile(np.abs(run.t_s - truth)[2500:], 0.99) < 1e-3


def test_an_irregular_stream_keeps_its_stamps() -> None:
    stamps = np.cumsum(np.random.default_rng(3).exponential(0.02, 1000))
    stamps[500] = stamps[498]

    run = restamp(0.0, stamps, chunk=9)

    assert np.array_equal(run.t_s, np.maximum.accumulate(stamps))
    assert run.clock.clamped == 1


@given(jump_s=st.floats(0.3, 10.0), chunk=st.integers(1, 50))
@settings(max_examples=20, deadline=None)
def test_a_jump_in_an_irregular_stream_is_a_gap(jump_s: float, chunk: int) -> None:
    stamps = np.cumsum(np.full(400, 0.02))
    stamps[200:] += jump_s

    assert restamp(0.0, stamps, chunk=chunk).gaps == [200]


def test_a_slow_irregular_stream_has_no_gaps() -> None:
    assert restamp(0.0, instants(100, rate_hz=1.0), chunk=4).gaps == []


@pytest.mark.parametrize("rate_hz", [0.0, 100.0])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_samples(rate_hz: float, n: int) -> None:
    stamps = instants(n, rate_hz=100.0)

    run = restamp(rate_hz, stamps)

    assert np.array_equal(run.t_s, stamps)
    assert run.gaps == []


def test_equal_stamps_do_not_break_it() -> None:
    run = restamp(100.0, np.full(500, 7.0), chunk=10)

    assert np.isfinite(run.t_s).all()
    assert (np.diff(run.t_s) >= 0).all()


def test_a_stamp_that_is_not_finite_is_refused() -> None:
    with pytest.raises(StreamInvalidError, match=r"time stamp is not a time: got nan"):
        SegmentClock(100.0, name="x").push(np.array([1.0, np.nan]))


@pytest.mark.parametrize("rate_hz", [-1.0, np.nan, np.inf])
def test_a_rate_that_cannot_be_is_refused(rate_hz: float) -> None:
    with pytest.raises(StreamInvalidError, match=r"stream 'x': nominal rate"):
        SegmentClock(rate_hz, name="x")
