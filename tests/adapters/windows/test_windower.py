import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import MUSE_RATE_HZ, read_muse

from hadua.adapters.windows.signal_window import GapWindow, SignalWindow
from hadua.adapters.windows.windower import LONG_GAP_S, Windower
from hadua.models.errors import InvalidInputError, StreamInvalidError
from hadua.models.features import FloatArray

Window = SignalWindow | GapWindow


@dataclass(frozen=True)
class Signal:
    """Stretches without gaps of a signal whose first channel is its own index."""

    rate_hz: float
    stretches: list[FloatArray]  # time stamps
    declared: bool  # gaps are marked by the source, rather than seen in the stamps

    def pieces(self, cuts: list[int]) -> list[tuple[FloatArray, FloatArray, bool]]:
        """The signal in chunks that end wherever `cuts` say, and at each stretch's end if asked."""
        t_s = np.concatenate(self.stretches)
        x = np.stack((np.arange(len(t_s), dtype=float), -np.arange(len(t_s), dtype=float)), axis=1)
        starts = np.cumsum([len(s) for s in self.stretches])[:-1].tolist()
        edges = {0, len(t_s), *(c % (len(t_s) + 1) for c in cuts)}
        if self.declared:
            edges |= set(starts)
        out = []
        for a, b in pairwise(sorted(edges)):
            out.append((t_s[a:b], x[a:b], self.declared and a in starts))
        return out


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    rate_hz = draw(st.sampled_from([50.0, 100.0, 128.0, 256.0]))
    declared = draw(st.booleans())
    t0_s = draw(st.floats(0.0, 1e6))
    stretches = []
    for _ in range(draw(st.integers(1, 6))):
        n = draw(st.integers(1, 500))
        stretches.append(t0_s + np.arange(n) / rate_hz)
        shortest_s = 1.0 / rate_hz if declared else 0.021 + 2.5 / rate_hz
        t0_s = stretches[-1][-1] + draw(
            st.one_of(st.floats(shortest_s, 3.0), st.floats(LONG_GAP_S + 1.0, LONG_GAP_S + 9.0))
        )
    return Signal(rate_hz, stretches, declared)


grids = st.sampled_from([(1.0, 0.5), (1.0, 0.1), (0.5, 0.5), (2.0, 0.25), (1.0, 0.3)])
cut_lists = st.lists(st.integers(0, 5000), max_size=25)


def run(signal: Signal, grid: tuple[float, float], cuts: list[int]) -> list[Window]:
    windower = Windower(signal.rate_hz, 2, window_s=grid[0], hop_s=grid[1])
    out: list[Window] = []
    for t_s, x, gap in signal.pieces(cuts):
        out += windower.push(t_s, x, gap_before=gap)
    return out


def plain(window: Window) -> tuple[object, ...]:
    if isinstance(window, GapWindow):
        return window.start_s, window.end_s, window.reason, window.count
    return window.start_s, window.end_s, window.t_s.tolist(), window.x.tolist()


def ends(windows: list[Window], hop_s: float) -> list[int]:
    """Numbers of the grid ends accounted for, in the order in which they came."""
    out: list[int] = []
    for w in windows:
        last = round(w.end_s / hop_s)
        count = w.count if isinstance(w, GapWindow) else 1
        out += range(last - count + 1, last + 1)
    return out


@given(signal=signals(), grid=grids, cuts=cut_lists, others=cut_lists)
@settings(max_examples=120, deadline=None)
def test_windows_do_not_depend_on_chunking(
    signal: Signal, grid: tuple[float, float], cuts: list[int], others: list[int]
) -> None:
    assert list(map(plain, run(signal, grid, cuts))) == list(map(plain, run(signal, grid, others)))


@given(signal=signals(), grid=grids, cuts=cut_lists)
@settings(max_examples=120, deadline=None)
def test_every_grid_end_comes_exactly_once(
    signal: Signal, grid: tuple[float, float], cuts: list[int]
) -> None:
    window_s, hop_s = grid
    half_s = 0.5 / signal.rate_hz
    first_s, newest_s = signal.stretches[0][0], signal.stretches[-1][-1]

    got = ends(run(signal, grid, cuts), hop_s)

    # The first whose window starts no earlier than half a sample before the first sample ...
    first = math.ceil((first_s - half_s + window_s) / hop_s - 1e-6)
    if got:
        assert got == list(range(got[0], got[-1] + 1))
        assert got[0] - first in (0, 1)  # 1: a tie at half a sample
    # ... and the last that the newest sample reaches.
    last = got[-1] if got else first - 1
    assert (last + 1) * hop_s > newest_s + half_s - 1e-6 or last + 1 <= first
    assert last * hop_s < newest_s + 3 * half_s + 1e-6 or not got


@given(signal=signals(), grid=grids, cuts=cut_lists)
@settings(max_examples=120, deadline=None)
def test_a_window_is_whole_exactly_where_one_stretch_fills_it(
    signal: Signal, grid: tuple[float, float], cuts: list[int]
) -> None:
    n = round(grid[0] * signal.rate_hz)
    half_s = 0.5 / signal.rate_hz
    offsets = np.cumsum([0, *(len(s) for s in signal.stretches)])

    for window in run(signal, grid, cuts):
        whole = []
        for offset, t_s in zip(offsets, signal.stretches, strict=False):
            i = int(np.searchsorted(t_s, window.start_s - half_s))
            if t_s[0] <= window.start_s + half_s and i + n <= len(t_s):
                whole.append(offset + i)
        if isinstance(window, GapWindow):
            assert not whole or window.count > 1
            assert "missing" in window.reason
        else:
            assert window.x.shape == (n, 2)
            # Index by index: nothing lost, doubled or out of order, and no gap inside.
            assert window.x[:, 0].tolist() == list(range(whole[-1], whole[-1] + n))
            assert abs(window.t_s[0] - window.start_s) <= half_s + 1e-9


@given(signal=signals(), grid=grids)
@settings(max_examples=40, deadline=None)
def test_a_whole_window_comes_with_its_last_sample(
    signal: Signal, grid: tuple[float, float]
) -> None:
    windower = Windower(signal.rate_hz, 2, window_s=grid[0], hop_s=grid[1])
    for t_s, x, gap in signal.pieces(list(range(0, 5000, 1)))[:1500]:
        for window in windower.push(t_s, x, gap_before=gap):
            if isinstance(window, SignalWindow):
                assert window.x[-1, 0] == x[-1, 0]


@given(
    signal=signals(),
    grid=grids,
    cuts=cut_lists,
    asked=st.sets(st.integers(0, 25)),
    n_tail=st.integers(0, 30),
)
@settings(max_examples=120, deadline=None)
def test_a_window_begun_is_the_window_it_would_have_been(
    signal: Signal, grid: tuple[float, float], cuts: list[int], asked: set[int], n_tail: int
) -> None:
    windower = Windower(signal.rate_hz, 2, window_s=grid[0], hop_s=grid[1], n_tail=n_tail)
    out: list[Window] = []
    begun: list[FloatArray] = []
    indices: list[list[float]] = []
    for k, (t_s, x, gap) in enumerate(signal.pieces(cuts)):
        out += windower.push(t_s, x, gap_before=gap)
        if k in asked and (first := windower.begin()) is not None:
            assert first.shape == (round(grid[0] * signal.rate_hz) - n_tail, 2)
            begun.append(first)
            indices.append(first[:, 0].tolist())
            assert windower.begin() is None
            assert windower.begin_due_s == math.inf

    assert list(map(plain, out)) == list(map(plain, run(signal, grid, cuts)))
    for window in out:
        if isinstance(window, SignalWindow) and window.begun is not None:
            (k,) = (i for i, first in enumerate(begun) if first is window.begun)
            assert indices[k] == window.x[: len(indices[k]), 0].tolist()


def test_a_window_is_begun_once_all_but_its_tail_is_there() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5, n_tail=6)
    assert windower.begin() is None
    windower.push(*ramp(0, 93))
    assert windower.begin() is None
    assert windower.begin_due_s == pytest.approx(0.94)
    windower.push(*ramp(93, 95))

    first = windower.begin()

    assert first is not None
    assert first[:, 0].tolist() == [*range(94)]
    (window,) = windower.push(*ramp(95, 100))
    assert isinstance(window, SignalWindow)
    assert window.begun is first
    assert windower.begin_due_s == pytest.approx(1.44)


def test_that_a_window_is_not_whole_is_due_at_its_end_however_far_a_filter_reaches() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5, margin_s=0.2)
    windower.push(*ramp(0, 250))
    assert windower.next_end_s == 2.5
    assert windower.due_s == pytest.approx(2.5 + 0.2 - 0.01 - 0.0051)
    windower.push(*ramp(250, 260, shift_s=0.1))  # samples are missing before 2.6 s

    due_s, gaps = [], 0
    for k in range(260, 420):
        due_s.append(windower.due_s)
        out = windower.push(*ramp(k, k + 1, shift_s=0.1))
        assert not out or k / 100.0 + 0.1 >= due_s[-1]
        if out and isinstance(out[-1], GapWindow):
            assert k / 100.0 + 0.1 <= out[-1].end_s  # at its end, not `margin_s` later
            gaps += 1
    assert gaps == 2


@given(
    phase=st.floats(0.0, 1.0),
    pace=st.floats(0.985, 1.015),
    seed=st.integers(0, 2**32),
    uneven=st.booleans(),
)
def test_the_sample_that_completes_a_window_is_due_and_that_which_is_sure_completes_it(
    phase: float, pace: float, seed: int, uneven: bool
) -> None:
    """A stream whose rate is not quite what it declares, and whose stamps are not quite even."""
    rate_hz, most = 100.0, 1.2 if uneven else 0.4
    shift = np.random.default_rng(seed).uniform(-most, most, 600)
    spare_s = (4.0 if uneven else 1.0) / rate_hz  # the next window may be less even
    t_s = (np.arange(600) * pace + phase + shift) / rate_hz
    t_s = np.maximum.accumulate(t_s)
    windower = Windower(rate_hz, 1, window_s=1.0, hop_s=0.5)
    windows = sure = 0
    for at_s in t_s.tolist():
        due_s, sure_s = windower.due_s, windower.sure_s
        out = windower.push(np.array([at_s]), np.zeros((1, 1)))
        if windows > 1 and math.isfinite(sure_s):  # the pace of a window tells of the next one's
            assert due_s <= sure_s
            assert not out or at_s >= due_s - spare_s
            assert out or at_s < sure_s + spare_s
            sure += 1
        windows += len(out)
    assert windows >= 9
    assert uneven or sure > 300


def test_a_gap_takes_back_what_was_begun() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5, n_tail=6)
    windower.push(*ramp(0, 96))
    assert windower.begin() is not None
    out = windower.push(*ramp(96, 300, shift_s=0.1))

    whole = [w for w in out if isinstance(w, SignalWindow)]
    assert whole
    assert all(w.begun is None for w in whole)


@pytest.mark.parametrize("n_tail", [101, 100, 0])
def test_begun_with_nothing_or_everything(n_tail: int) -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5, n_tail=n_tail)
    windower.push(*ramp(0, 99))

    assert windower.begin() is None
    assert [len(w.x) for w in windower.push(*ramp(99, 100)) if isinstance(w, SignalWindow)] == [100]


def ramp(
    start: int, stop: int, *, rate_hz: float = 100.0, shift_s: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    k = np.arange(start, stop, dtype=float)
    return k / rate_hz + shift_s, k[:, None]


def test_a_long_gap_is_one_window_with_a_count() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5)
    windower.push(*ramp(0, 230))

    out = windower.push(*ramp(20_000, 20_150))

    assert isinstance(out[0], GapWindow)
    assert (out[0].start_s, out[0].end_s, out[0].count) == (1.5, 200.0, 396)
    assert [type(w).__name__ for w in out[1:]] == ["GapWindow", "SignalWindow", "SignalWindow"]
    assert ends(out, 0.5) == [*range(5, 404)]


def test_gap_windows_come_at_the_pace_of_the_grid() -> None:
    windower = Windower(100.0, 1, window_s=2.0, hop_s=0.5)
    windower.push(*ramp(0, 230))
    got = [(stop, w.end_s) for stop in range(251, 500)
           for w in windower.push(*ramp(stop - 1, stop))]  # fmt: skip

    assert got == [(251, 2.5), (300, 3.0), (350, 3.5), (400, 4.0), (450, 4.5)]


def test_a_gap_declared_in_an_empty_chunk_is_not_forgotten() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=1.0)
    windower.push(*ramp(0, 150))
    windower.push(*ramp(150, 150), gap_before=True)

    assert [type(w).__name__ for w in windower.push(*ramp(150, 300))] == ["GapWindow"] * 1 + [
        "SignalWindow"
    ]


@pytest.mark.parametrize(
    ("actual_hz", "whole"),
    [(250.0, True), (262.0, True), (230.0, False), (300.0, False), (900.0, False)],
)
def test_a_rate_far_from_the_declared_one_is_told(actual_hz: float, whole: bool) -> None:
    windower = Windower(256.0, 1, window_s=1.0, hop_s=0.5)

    out = windower.push(*ramp(0, round(20 * actual_hz), rate_hz=actual_hz))

    assert ends(out, 0.5) == list(range(2, 2 + len(out)))
    assert len(out) >= 37
    for w in out:
        assert isinstance(w, SignalWindow) is whole
        assert whole or "not what it declares" in getattr(w, "reason", "")


def test_a_rate_far_too_high_after_a_gap_neither_grows_nor_hangs() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5)
    windower.push(*ramp(0, 110))

    out = windower.push(*ramp(20_000, 100_000, rate_hz=5000.0))

    assert all(isinstance(w, GapWindow) for w in out)
    assert ends(out, 0.5) == list(range(3, 42))


def test_a_small_step_back_is_flattened_and_a_large_one_is_refused() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5)
    windower.push(*ramp(0, 80))
    out = windower.push(*ramp(80, 130, shift_s=-0.012))
    assert [type(w).__name__ for w in out] == ["SignalWindow"]
    assert (np.diff(out[0].t_s) >= 0).all() if isinstance(out[0], SignalWindow) else False

    with pytest.raises(StreamInvalidError, match=r"backwards.*clock reset"):
        windower.push(*ramp(130, 140, shift_s=-50.0))


def test_a_stream_that_comes_back_slightly_in_the_past_repeats_no_end() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5)
    out = windower.push(*ramp(0, 310))
    out += windower.push(*ramp(310, 700, shift_s=-0.6), gap_before=True)

    assert ends(out, 0.5) == list(range(2, 13))


def test_windows_stay_as_they_are_and_nobody_can_write_them() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=1.0)
    (first,) = windower.push(*ramp(0, 100))
    assert isinstance(first, SignalWindow)
    kept = first.x.copy()
    windower.push(*ramp(100, 900))

    np.testing.assert_array_equal(first.x, kept)
    assert first.x.T.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        first.x[0, 0] = 1.0


def test_a_window_is_never_written_over() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5, n_tail=6)
    windower.push(*ramp(0, 145))
    begun = windower.begin()
    windows = windower.push(*ramp(145, 700))
    windows += windower.push(*ramp(700, 1000, shift_s=0.1))
    windower.reset()
    windower.push(*ramp(5000, 5400))

    assert begun is not None
    whole = [begun, *(w.x for w in windows if isinstance(w, SignalWindow))]
    assert len(whole) > 15
    for x in whole:
        assert x[:, 0].tolist() == [x[0, 0] + k for k in range(len(x))]
        assert x[0, 0] % 50.0 == 0.0 or x[0, 0] > 700.0


def test_reset_is_as_new() -> None:
    windower = Windower(100.0, 1, window_s=1.0, hop_s=0.5)
    fresh = list(map(plain, windower.push(*ramp(50, 400))))
    windower.reset()

    assert list(map(plain, windower.push(*ramp(50, 400)))) == fresh


def test_no_channels_still_tell_time() -> None:
    windower = Windower(100.0, 0, window_s=1.0, hop_s=0.5)
    t_s, _ = ramp(0, 200)

    assert ends(windower.push(t_s, np.empty((200, 0))), 0.5) == [2, 3, 4]


def muse_windows(recordings: Path, session: int) -> list[Window]:
    t_s, x = read_muse(recordings, session=session)
    windower = Windower(MUSE_RATE_HZ, x.shape[1], window_s=1.0, hop_s=0.5)
    out: list[Window] = []
    for i in range(0, len(t_s), 12):
        out += windower.push(t_s[i : i + 12], x[i : i + 12])
    assert abs(out[-1].end_s - t_s[-1]) < 0.55
    return out


@pytest.mark.parametrize("session", [6, 9, 13])
def test_real_muse_stamps_give_whole_windows(recordings: Path, session: int) -> None:
    out = muse_windows(recordings, session)

    got = ends(out, 0.5)
    assert got == list(range(got[0], got[0] + len(out)))
    assert all(isinstance(w, SignalWindow) for w in out)


@pytest.mark.parametrize("session", [0, 3])
def test_raw_muse_stamps_with_jitter_still_account_for_every_end(
    recordings: Path, session: int
) -> None:
    # As they come over Bluetooth: steps from -2 to +33 ms. A source smooths them; here it must do.
    out = muse_windows(recordings, session)

    got = ends(out, 0.5)
    assert got == list(range(got[0], got[0] + len(out)))
    assert sum(isinstance(w, SignalWindow) for w in out) > 0.9 * len(out)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_stream_without_a_rate(rate_hz: float) -> None:
    with pytest.raises(StreamInvalidError, match=r"sampling rate.*0 means irregular"):
        Windower(rate_hz, 1, window_s=1.0, hop_s=0.5)


@pytest.mark.parametrize(("window_s", "hop_s"), [(1.0, 0.0), (1.0, 2.0), (0.001, 0.001)])
def test_refuses_a_grid_that_is_none(window_s: float, hop_s: float) -> None:
    with pytest.raises(InvalidInputError, match="grid of windows"):
        Windower(100.0, 1, window_s=window_s, hop_s=hop_s)
