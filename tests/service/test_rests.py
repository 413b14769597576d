"""A reader is never at rest when a sample that is due can come, and reads seldom otherwise."""

import threading
from math import inf

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.features import Modality
from hadua.service.bridge import Item
from hadua.service.reader import ReaderThread
from hadua.service.rests import BEHIND_REST_S, BEHIND_S, GUARD_S, LONGEST_S, Rests
from hadua.service.watch import StreamWatch

RATE_HZ = 100.0


@given(
    lag_s=st.floats(-5.0, 5.0),
    jitter_ms=st.lists(st.floats(0.0, GUARD_S * 999.0), min_size=400, max_size=400),
    hop_s=st.sampled_from([0.1, 0.5, 1.0]),
    block=st.integers(1, 10),
)
def test_the_first_sample_that_is_due_is_read_as_it_comes(
    lag_s: float, jitter_ms: list[float], hop_s: float, block: int
) -> None:
    """A sender of blocks, late by `lag_s` and up to 10 ms more; windows end every `hop_s`."""
    stamps = np.arange(len(jitter_ms)) / RATE_HZ
    sent = stamps[block - 1 :: block][: len(jitter_ms) // block]  # the last sample of each block
    arrives = np.maximum.accumulate(sent + lag_s + np.array(jitter_ms[: len(sent)]) / 1e3)
    due_s = -np.inf  # until the pipeline has seen a sample
    rests = Rests(lambda seen_s: due_s)
    reads, now_s, done, least_s = 0, -10.0, 0, np.inf
    while done < len(sent):
        now_s = max(now_s, float(arrives[done]))  # `read` waits for a first block
        first, done = done, int(np.searchsorted(arrives, now_s, side="right"))
        reads += 1
        due = [k for k in range(first, done) if sent[k] >= due_s]
        if due and arrives[due[0]] - sent[due[0]] >= least_s:  # no earlier than any seen to come
            assert now_s - float(arrives[due[0]]) <= 1e-9
        if now_s == arrives[done - 1]:
            least_s = min(least_s, now_s - float(sent[done - 1]))
        due_s = max(due_s, hop_s) if reads > 3 else due_s
        while sent[done - 1] >= due_s > 0.0:
            due_s += hop_s
        rest_s = rests.after(float(sent[done - 1]), arrived_s=now_s)
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
    reader.pace(lambda seen_s: due_s)
    reader.start()
    assert source.enough.wait(10.0)
    reader.stop()
    assert reader.join(10.0)
    early = [t_s for t_s in source.reads_s if t_s < due_s - 2.0 * GUARD_S]
    assert 1 <= len(early) <= 5  # 0.35 s in rests of 0.1 s
    assert len(source.reads_s) - len(early) > 50
    assert len(delivered) >= 60


def test_no_rest_looks_like_silence() -> None:
    """Whatever `stale_s` an operator sets."""
    assert Rests(lambda seen_s: inf, longest_s=0.1).after(9.0, arrived_s=9.01) == 0.1
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
    reader.pace(lambda seen_s: lsl_now_s() + 10.0)
    reader.start()
    assert source.enough.wait(10.0)
    reader.stop()
    assert reader.join(10.0)
    assert np.median(np.diff(source.reads_s)) < 0.15  # a quarter of `stale_s`, and noise


def test_a_reader_that_is_far_ahead_leaves_the_time_to_who_is_behind() -> None:
    due_s = [-inf]
    rests = Rests(lambda seen_s: due_s[0])
    assert rests.after(5.0, arrived_s=5.01) == 0.0  # nothing was stepped yet: it is not known
    due_s[0] = 5.5
    assert rests.after(5.55, arrived_s=5.56) == 0.0  # the last sample of a window may come late
    assert rests.after(5.5 + 0.9 * BEHIND_S, arrived_s=6.0) == 0.0
    assert rests.after(5.5 + 1.1 * BEHIND_S, arrived_s=6.0) == BEHIND_REST_S
    due_s[0] = inf
    assert rests.after(9.0, arrived_s=9.01) == LONGEST_S
