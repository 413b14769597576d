from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, GAZE, ramp

from hadua.models.features import Modality
from hadua.service.bridge import Arrival
from hadua.service.ordering import AFTER_S, LONGEST_S, PIECE_S, Ends, in_time_order

SIZES = st.lists(st.integers(0, 400), max_size=8)


def arrivals(modality: Modality, sizes: list[int]) -> list[Arrival]:
    spec = EEG if modality is Modality.EEG else GAZE
    edges = [0, *np.cumsum(sizes, dtype=int).tolist()]
    chunks = [ramp(spec, a, b, gap_before=a == 0) for a, b in pairwise(edges)]
    return [Arrival(modality, chunk, float(k), first=edges[k]) for k, chunk in enumerate(chunks)]


ENDS = st.builds(
    Ends, st.floats(-1.0, 10.0) | st.sampled_from([inf, -inf]), st.sampled_from([0.1, 0.5, 1.0])
)


@given(eeg=SIZES, gaze=SIZES, ends=ENDS)
def test_every_sample_comes_once_in_the_order_of_its_stream(
    eeg: list[int], gaze: list[int], ends: Ends
) -> None:
    given_in = arrivals(Modality.EEG, eeg) + arrivals(Modality.EYE, gaze)

    out = in_time_order(given_in, ends=lambda modality: ends)

    ends_s = [float(a.chunk.t_s[-1]) for a in out]
    assert ends_s == sorted(ends_s)
    for modality, sizes in ((Modality.EEG, eeg), (Modality.EYE, gaze)):
        mine = [a for a in out if a.modality is modality]
        values = [int(v) for a in mine for v in a.chunk.x[:, 0]]
        assert values == list(range(sum(sizes)))
        came = np.cumsum(sizes)
        for a in mine:
            assert a.first == int(a.chunk.x[0, 0])
            last = a.first + len(a.chunk) - 1
            assert a.arrived_s == float(np.searchsorted(came, last, side="right"))
            if ends.next_s == -inf:
                assert len(a.chunk) <= round(PIECE_S * a.chunk.spec.rate_hz)
            elif ends.next_s < inf:
                begins_s, ends_s_ = a.chunk.t_s[[0, -1]] - (ends.next_s + AFTER_S)
                assert ends_s_ < 0.0 or np.floor(begins_s / ends.hop_s) == np.floor(
                    ends_s_ / ends.hop_s
                )
                assert ends_s_ - begins_s <= LONGEST_S


def test_a_piece_ends_shortly_after_the_end_of_a_window() -> None:
    """100 Hz; windows end at 2 s and each second after; what came lasts 4.5 s, or came in tens."""
    for sizes in ([450], [10] * 45):
        out = in_time_order(arrivals(Modality.EEG, sizes), ends=lambda modality: Ends(1.999, 1.0))
        assert [len(a.chunk) for a in out] == [70, 150, 100, 100, 30]


@pytest.mark.parametrize("hop_s", [0.1, 0.5, 1.0, 2.5])
def test_in_a_backlog_no_stream_gets_ahead_of_the_other(hop_s: float) -> None:
    """All of the one comes before all of the other; an `Aligner` waits for 0.25 s, or for 2 s."""
    given_in = arrivals(Modality.EEG, [410]) + arrivals(Modality.EYE, [205])

    out = in_time_order(given_in, ends=lambda modality: Ends(hop_s, hop_s))

    newest_s = dict.fromkeys((Modality.EEG, Modality.EYE), 0.0)
    for piece in out:
        newest_s[piece.modality] = float(piece.chunk.t_s[-1])
        behind_s = min(newest_s.values())
        to_give_s = next(e for k in range(1, 100) if (e := k * hop_s) > behind_s)
        assert max(newest_s.values()) < to_give_s + 0.25
        assert max(newest_s.values()) < behind_s + 2.0


def test_small_chunks_are_joined_but_not_across_a_gap_or_a_loss() -> None:
    """Chunks of 2 samples, 10 in a piece; one is dropped, which the next says; one is not there."""
    edges = [(k, k + 2) for k in range(0, 40, 2)]
    chunks = [
        Arrival(Modality.EEG, ramp(EEG, a, b, gap_before=a == 6), float(a), first=a)
        for a, b in edges
        if a not in (4, 20)
    ]

    out = in_time_order(chunks)

    spans = [(int(p.chunk.x[0, 0]), int(p.chunk.x[-1, 0]) + 1) for p in out]
    assert spans == [(0, 4), (6, 16), (16, 20), (22, 32), (32, 40)]
    assert [p.chunk.gap_before for p in out] == [False, True, False, False, False]
    assert [p.first for p in out] == [a for a, _ in spans]
    assert [p.arrived_s for p in out] == [b - 2.0 for _, b in spans]


def test_a_gap_lies_before_the_first_piece_alone() -> None:
    pieces = in_time_order(arrivals(Modality.EEG, [35]))

    assert [p.chunk.gap_before for p in pieces] == [True, False, False, False]
    assert [p.arrived_s for p in pieces] == [0.0] * 4


@given(back_s=st.floats(0.6, 100.0), ends=ENDS)
def test_a_stream_that_steps_back_keeps_its_order_and_is_not_joined(
    back_s: float, ends: Ends
) -> None:
    before = [*arrivals(Modality.EEG, [20, 20, 20]), *arrivals(Modality.EYE, [20, 20, 20])]
    after = [
        replace(a, chunk=replace(a.chunk, t_s=a.chunk.t_s - back_s, gap_before=False), first=60)
        for a in arrivals(Modality.EEG, [20])
    ]

    out = in_time_order(before + after, ends=lambda modality: ends)

    mine = [a for a in out if a.modality is Modality.EEG]
    assert [int(v) for a in mine for v in a.chunk.x[:, 0]] == [*range(60), *range(20)]
    assert all((np.diff(a.chunk.t_s) >= 0.0).all() for a in out)
