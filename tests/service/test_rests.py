"""A reader is never at rest when a sample that is due can come, and reads seldom otherwise."""

import threading
from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.features import Modality
from hadua.service.bridge import Item
from hadua.service.reader import ReaderThread
from hadua.service.rests import BEHIND_S, BLIND_S, GUARD_S, LONGEST_S, Rests
from hadua.service.watch import StreamWatch

RATE_HZ = 100.0


def paced(due: Callable[[float], float], *, longest_s: float = LONGEST_S) -> Rests:
    """As beside a pipeline whose windows end where they are due."""
    rests = Rests(longest_s=longest_s)
    rests.pace(due, lambda: due(-inf))
    return rests


@given(
    lag_s=st.floats(-5.0, 5.0),
    jitter_ms=st.lists(st.floats(0.0, GUARD_S * 999.0), min_size=400, max_size=400),
    hop_s=st.sampled_from([0.1, 0.5, 1.0]),
    block=st.integers(1, 10),
)
def test_the_first_sample_that_is_due_is_read_as_it_comes(
    lag_s: float, jitter_ms: list[float], hop_s: float, block: int
) -> None:
    """A sender of blocks, late by `lag_s` and up to 6 ms more; windows end every `hop_s`."""
    stamps = np.arange(len(jitter_ms)) / RATE_HZ
    sent = stamps[block - 1 :: block][: len(jitter_ms) // block]  # the last sample of each block
    arrives = np.maximum.accumulate(sent + lag_s + np.array(jitter_ms[: len(sent)]) / 1e3)
    due_s = -np.inf  # until the pipeline has seen a sample
    rests = paced(lambda seen_s: due_s)
    reads, now_s, done, least_s = 0, -10.0, 0, np.inf
    while done < len(sent):
        now_s = max(now_s, float(arrives[done]))  # `read` waits for a first block
        first, done = done, int(np.searchsorted(arrives, now_s, side="right"))
        reads += 1
        due = [k for k in range(first, done) if sent[k] >= due_s > -np.inf]
        if due and arrives[due[0]] - sent[due[0]] >= least_s:  # no earlier than any seen to come
            assert now_s - float(arrives[due[0]]) <= 1e-9
        if now_s == arrives[done - 1]:
            least_s = min(least_s, now_s - float(sent[done - 1]))
        due_s = max(due_s, hop_s) if reads > 3 else due_s
        while sent[done - 1] >= due_s > 0.0:
            due_s += hop_s
        rest_s = rests.after(float(sent[done - 1]), now_s=now_s)
        assert 0.0 <= rest_s <= LONGEST_S
        now_s += rest_s
    if hop_s >= 0.5 and block == 1:
        assert reads < 0.5 * len(sent)


class Kept:
    """Gives a sample whenever it is asked, and keeps those to come."""

    description = "kept"
    rests = True

    def __init__(self, enough: int) -> None:
        self.enough, self.reads_s = threading.Event(), list[float]()
        self._n = enough

    def open(self, timeout_s: float) -> StreamSpec:
        return EEG

    def read(self, timeout_s: float) -> SampleChunk | None:
        self.reads_s.append(lsl_now_s())
        if len(self.reads_s) == self._n:
            self.enough.set()
        return SampleChunk(EEG, np.array([self.reads_s[-1]]), np.zeros((1, 2)))

    def health(self) -> SourceHealth:
        return SourceHealth()

    def close(self) -> None:
        pass


def test_a_reader_rests_as_long_as_nothing_is_due_and_not_when_something_is() -> None:
    source, delivered = Kept(60), list[Item]()
    due_s = lsl_now_s() + 0.35
    reader = ReaderThread(
        source,
        modality=Modality.EEG,
        opened=lambda modality, found: None,
        deliver=delivered.append,
        watch=StreamWatch(stale_s=10.0, clock=lsl_now_s),
        clock=lsl_now_s,
        wait_s=1.0,
    )
    reader.pace(lambda seen_s: due_s, lambda: due_s)
    reader.start()
    assert source.enough.wait(10.0)
    reader.stop()
    assert reader.join(10.0)
    early = [t_s for t_s in source.reads_s if t_s < due_s - 2.0 * GUARD_S]
    assert 1 <= len(early) <= 5  # 0.35 s
    assert len(source.reads_s) - len(early) > 50
    assert len(delivered) >= 60


def test_no_rest_looks_like_silence() -> None:
    """Whatever `stale_s` an operator sets."""
    assert paced(lambda seen_s: inf, longest_s=0.1).after(9.0, now_s=9.01) == 0.1
    watch = StreamWatch(stale_s=0.3, clock=lsl_now_s)
    source = Kept(6)
    reader = ReaderThread(
        source,
        modality=Modality.EEG,
        opened=lambda modality, found: None,
        deliver=lambda item: None,
        watch=watch,
        clock=lsl_now_s,
        wait_s=1.0,
    )
    reader.pace(lambda seen_s: lsl_now_s() + 10.0, lambda: inf)
    reader.start()
    assert source.enough.wait(10.0)
    reader.stop()
    assert reader.join(10.0)
    assert np.median(np.diff(source.reads_s)) < 0.15  # a quarter of `stale_s`, and noise


def test_a_reader_that_is_far_ahead_leaves_the_time_to_who_is_behind() -> None:
    due_s = [5.5]
    rests = paced(lambda seen_s: due_s[0])
    assert rests.after(5.55, now_s=5.56) == 0.0  # the last sample of a window may come late
    assert rests.after(5.5 + 1.1 * BEHIND_S, now_s=6.0) == 0.0  # it has not had time for that
    assert rests.after(5.5 + 1.2 * BEHIND_S, now_s=6.1) == BLIND_S
    due_s[0] = inf
    assert rests.after(9.0, now_s=9.01) == LONGEST_S


def test_neither_samples_after_a_window_nor_doubt_when_it_is_whole_make_a_pipeline_late() -> None:
    rests = Rests()
    rests.pace(lambda seen_s: 5.0 + 2.0, lambda: 5.0)  # a filter reaches two seconds beyond it
    rests.after(6.0, now_s=6.01)
    assert rests.after(6.5, now_s=6.51) > BLIND_S
    rests = Rests()
    rests.pace(lambda seen_s: 5.0 - 0.4, lambda: 5.0)  # its last sample may come that early
    rests.after(4.97, now_s=4.98)
    assert rests.after(4.98, now_s=4.99) == 0.0


def test_a_rest_of_its_own_does_not_look_as_if_the_pipeline_were_behind() -> None:
    """It catches up while the reader rests: that one is back, and pulls each sample again."""
    due_s = [5.0]
    rests = paced(lambda seen_s: due_s[0])
    rests.after(5.3, now_s=5.31)
    assert rests.after(5.4, now_s=5.41) == BLIND_S
    due_s[0] = 5.5  # all was stepped
    assert rests.after(5.8, now_s=5.81) == 0.0
    due_s[0] = 6.0
    assert 0.0 < rests.after(5.85, now_s=5.86) < BLIND_S


def test_of_what_came_in_a_blind_rest_the_earliest_time_is_said() -> None:
    """Of its first sample: a window may end with any of them."""
    due_s = [6.0]
    rests = paced(lambda seen_s: due_s[0])
    assert rests.arrived_s(5.5, 5.5, 5.53) == 5.53  # nothing is known
    assert rests.after(5.5, now_s=5.53) > 0.0
    assert rests.arrived_s(5.51, 5.97, 6.02) == 6.02  # it was awake before anything that is due
    rests.after(5.97, now_s=6.02)
    rests.after(6.3, now_s=6.34)
    assert rests.after(6.4, now_s=6.44) == BLIND_S
    for _ in range(2):  # all that was read before it may rest again came in that time
        assert rests.arrived_s(6.42, 6.8, 6.9) == pytest.approx(6.45)  # none was ever late by less
    assert rests.arrived_s(6.401, 6.8, 6.9) == 6.44  # not before it was read last
    assert rests.after(6.8, now_s=6.9) == BLIND_S
    due_s[0] = 9.0
    rests.after(7.0, now_s=7.53)
    assert rests.arrived_s(8.0, 8.0, 8.04) == 8.04


def test_of_what_was_due_and_came_in_a_rest_the_earliest_time_is_said() -> None:
    """Before any other did: then it was not awake, and nothing else tells how late it is."""
    rests = paced(lambda seen_s: 6.0)
    for k in range(8):
        rests.after(5.0 + 0.1 * k, now_s=5.02 + 0.1 * k)
    rest_s = rests.after(5.8, now_s=5.83)
    assert 0.1 < rest_s < 0.2
    assert rests.arrived_s(5.9, 5.99, 6.05) == 6.05  # nothing of it is due
    assert rests.arrived_s(5.9, 6.04, 6.05) == pytest.approx(6.02)
    assert rests.arrived_s(5.9, 6.04, 6.01) == 6.01


@pytest.mark.parametrize(("block_s", "most"), [(0.02, 2), (1.0 / 120.0, 2), (0.002, 6)])
@pytest.mark.parametrize("phase", [0.2, 0.5, 0.7, 0.98])
def test_for_a_window_a_reader_reads_what_came_in_its_rest_and_the_block_that_is_due(
    block_s: float, phase: float, most: int
) -> None:
    """That one as it comes. Blocks shorter than the guard are some more.

    One more, too, where a block ends so shortly before what is due that it may have it.
    """
    most += phase > 0.9
    came_s = (np.arange(3000) + phase) * block_s + 1e-4
    hop_s, due_s, now_s, done = 0.1, 0.2, 0.0, 0
    reads, last_at_once = [0], list[bool]()
    rests = paced(lambda seen_s: due_s)
    while done < len(came_s):
        now_s = max(now_s, float(came_s[done]))  # `read` waits for a first block
        first, done = done, int(np.searchsorted(came_s, now_s, side="right"))
        reads[-1] += 1
        newest_s = float(came_s[done - 1]) - 1e-4
        if newest_s >= due_s:
            last_at_once.append(done - first == 1)
            reads.append(0)
            due_s += hop_s
        now_s += rests.after(newest_s, now_s=now_s)
    learnt = slice(20, -1)
    assert all(last_at_once[learnt])
    assert max(reads[learnt]) <= most
    assert len(reads) > 50


def test_where_what_comes_early_is_of_use_a_reader_is_awake_for_it() -> None:
    """Though the block with the sample that is due ends long after that."""
    rest_s = []
    for ahead_s in (-inf, 0.01, 0.05):
        rests = Rests()
        rests.pace(lambda seen_s: -inf, lambda: -inf)
        for k in range(9):
            rests.after(0.9 + 0.02 * k, now_s=0.9 + 0.02 * k)
        rests.pace(lambda seen_s: 1.204, lambda: 1.204, ahead_s=ahead_s)
        rest_s.append(rests.after(1.08, now_s=1.08))
    # The block ends at 1.22, and the reader wakes for most of its length.
    assert rest_s == pytest.approx([0.125, 0.114, 0.074])


def test_before_anything_is_stepped_rests_are_blind() -> None:
    rests = Rests(longest_s=0.1)
    assert rests.arrived_s(1.0, 1.0, 1.1) == 1.1
    assert rests.after(1.0, now_s=1.1) == 0.1
    assert rests.arrived_s(1.05, 1.2, 1.4) == pytest.approx(1.15)
    rests.pace(lambda seen_s: inf, lambda: inf)
    assert rests.after(1.2, now_s=1.4) == 0.1
    assert rests.arrived_s(1.3, 1.5, 1.7) == 1.7


def test_where_nothing_can_be_told_a_reader_never_rests() -> None:
    """Beside a pipeline that foresees nothing, or of a stream that came back as another."""
    rests = Rests()
    rests.pace()
    for k in range(9):
        assert rests.after(float(k), now_s=k + 0.01) == 0.0


def unpaced(source: Kept, *, stale_s: float) -> ReaderThread:
    return ReaderThread(
        source,
        modality=Modality.EEG,
        opened=lambda modality, found: None,
        deliver=lambda item: None,
        watch=StreamWatch(stale_s=stale_s, clock=lsl_now_s),
        clock=lsl_now_s,
        wait_s=1.0,
    )


def test_a_reader_that_nobody_paces_yet_reads_seldom() -> None:
    """A hundred sessions that start at once have other things to do."""
    source = Kept(4)
    reader = unpaced(source, stale_s=0.4)
    reader.start()
    assert source.enough.wait(10.0)
    reader.stop()
    assert reader.join(10.0)
    assert np.diff(source.reads_s[:4]).min() >= 0.09  # a quarter of `stale_s`


def test_to_be_paced_wakes_a_reader() -> None:
    source = Kept(50)
    reader = unpaced(source, stale_s=10.0)
    reader.start()
    reader.pace()
    assert source.enough.wait(0.9 * 50 * BLIND_S)  # fifty rests take longer
    reader.stop()
    assert reader.join(10.0)
