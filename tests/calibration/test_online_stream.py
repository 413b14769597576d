"""A stream cut into pieces: neighbours, ends, and what an answer looks back on."""

from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy_bundle import HOP_S, toy_bundle
from support.toy_people import WIDTHS

from hadua.calibration.collected import Collected, CollectedWindow
from hadua.calibration.online_stream import FEWEST, Cut, Stream
from hadua.models.bundle import Bundle

PIECE, STRETCH_S = 6, 20.0
CONTEXT = 3  # of the toy people's network


def window(index: int, end_s: float) -> CollectedWindow:
    """A window whose features are its own index, so that a lost one shows."""
    eeg, eye = (np.full(width, index, np.float32) for width in WIDTHS)
    return CollectedWindow(end_s, eeg, eye, (1.0, 1.0))


def stream() -> Stream:
    return Stream(toy_bundle(), piece=PIECE, stretch_s=STRETCH_S)


def indices(collected: Collected) -> list[int]:
    return [int(v) for v in collected.eeg[:, 0]]


def pushed(own: Stream, ends_s: list[float], *, poor: frozenset[int] = frozenset()) -> list[Cut]:
    return [
        cut
        for k, end_s in enumerate(ends_s)
        for cut in own.push(window(k, end_s), teaches=k not in poor)
    ]


@pytest.mark.parametrize("hop_s", [0.05, 0.1, 0.2, 1.0])
def test_whoever_goes_on_begins_a_stretch_of_their_own_at_any_hop(hop_s: float) -> None:
    for stretch in range(-1, 40):
        bundle = cast("Bundle", SimpleNamespace(width=toy_bundle().width, hop_s=hop_s, context=1))
        own = Stream(bundle, piece=PIECE, stretch_s=STRETCH_S)
        own.begin_after(stretch)
        first, *_ = pushed(own, [hop_s * k for k in range(1, PIECE + 1)])
        assert first.stretch == stretch + 1


@settings(deadline=None)  # the first example trains the toy people's network
@given(
    steps=st.lists(st.sampled_from([1.0, 1.0, 1.0, 1.4, 1.6, 30.0, 0.0, -50.0]), max_size=60),
    poor=st.frozensets(st.integers(0, 60), max_size=8),
)
def test_a_piece_is_a_run_of_neighbours_that_may_teach(
    steps: list[float], poor: frozenset[int]
) -> None:
    ends_s = [1000.0, *(1000.0 + np.cumsum(steps)).tolist()]
    cuts = pushed(stream(), ends_s, poor=poor)

    seen = [k for cut in cuts for k in indices(cut.windows)]
    assert seen == sorted(set(seen))
    assert not poor & set(seen)
    for cut in cuts:
        rows = indices(cut.windows)
        assert FEWEST <= len(rows) <= PIECE
        assert cut.seconds == len(rows) * HOP_S
        assert all(b == a + 1 and 0.0 < ends_s[b] - ends_s[a] <= 1.5 for a, b in pairwise(rows))
    assert [c.stretch for c in cuts] == sorted(c.stretch for c in cuts)


def test_an_unbroken_stream_loses_no_window() -> None:
    cuts = pushed(stream(), [float(k) for k in range(60)])

    assert [k for cut in cuts for k in indices(cut.windows)] == list(range(60))
    assert [cut.stretch for cut in cuts] == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_clock_that_begins_anew_does_not_begin_the_stretches_anew() -> None:
    own = stream()
    first = pushed(own, [5000.0 + k for k in range(30)])
    second = pushed(own, [float(k) for k in range(30)])

    assert first[-1].stretch < second[-1].stretch


def test_an_answer_looks_back_as_far_as_the_network_and_never_over_a_hole() -> None:
    own = stream()
    assert indices(own.with_past(window(0, 0.0))) == [0]
    pushed(own, [0.0, 1.0, 2.0, 3.0])

    assert indices(own.with_past(window(4, 4.0))) == [2, 3, 4]
    assert len(own.with_past(window(4, 4.0))) == CONTEXT
    for end_s in (9.0, 3.0, -100.0, float("nan")):
        assert indices(own.with_past(window(4, end_s))) == [4]


def test_a_poor_window_is_looked_back_on_as_it_is_when_served() -> None:
    own = stream()
    pushed(own, [0.0, 1.0], poor=frozenset({1}))
    assert indices(own.with_past(window(2, 2.0))) == [0, 1, 2]


def test_looking_changes_nothing() -> None:
    looked, blind = stream(), stream()
    for k in range(20):
        looked.with_past(window(k, float(k)))
        looked.with_past(window(99, 500.0))
        for own in (looked, blind):
            own.push(window(k, float(k)), teaches=True)
    after = [indices(own.with_past(window(20, 20.0))) for own in (looked, blind)]
    assert after[0] == after[1]


@pytest.mark.parametrize(
    ("n", "sizes"), [(0, []), (3, []), (4, [4]), (6, [6]), (15, [6, 6]), (16, [6, 6, 4])]
)
def test_windows_that_are_there_already_are_cut_alike(n: int, sizes: list[int]) -> None:
    ends_s = [float(k) for k in range(n)]
    own = Collected.of([window(k, t) for k, t in enumerate(ends_s)], WIDTHS)

    assert [len(part) for part in stream().cut(own)] == sizes


def test_cutting_heeds_holes_and_leaves_the_stream_alone() -> None:
    ends_s = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0, 14.0]
    own, windows = stream(), Collected.of([window(k, t) for k, t in enumerate(ends_s)], WIDTHS)

    assert [indices(part) for part in own.cut(windows)] == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    assert indices(own.with_past(window(0, 15.0))) == [0]
