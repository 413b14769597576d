from itertools import pairwise
from math import inf

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.service import EEG, GAZE, ramp

from hadua.models.features import Modality
from hadua.service.bridge import Arrival
from hadua.service.ordering import PIECE_S, in_time_order

SIZES = st.lists(st.integers(0, 400), max_size=8)


def arrivals(modality: Modality, sizes: list[int]) -> list[Arrival]:
    spec = EEG if modality is Modality.EEG else GAZE
    edges = [0, *np.cumsum(sizes, dtype=int).tolist()]
    chunks = [ramp(spec, a, b, gap_before=a == 0) for a, b in pairwise(edges)]
    return [Arrival(modality, chunk, float(k), first=edges[k]) for k, chunk in enumerate(chunks)]


DUES = st.floats(-1.0, 10.0) | st.sampled_from([inf, -inf])


@given(eeg=SIZES, gaze=SIZES, due_s=DUES)
def test_every_sample_comes_once_in_the_order_of_its_stream(
    eeg: list[int], gaze: list[int], due_s: float
) -> None:
    given_in = arrivals(Modality.EEG, eeg) + arrivals(Modality.EYE, gaze)

    out = in_time_order(given_in, due_s=lambda modality: due_s)

    ends_s = [float(a.chunk.t_s[-1]) for a in out]
    assert ends_s == sorted(ends_s)
    for modality, sizes in ((Modality.EEG, eeg), (Modality.EYE, gaze)):
        mine = [a.chunk for a in out if a.modality is modality]
        values = [int(v) for chunk in mine for v in chunk.x[:, 0]]
        assert values == list(range(sum(sizes)))
        assert all(
            len(c) <= round(PIECE_S * c.spec.rate_hz) or c.t_s[-1] < due_s + PIECE_S for c in mine
        )


def test_what_gives_no_window_yet_is_one_piece_and_what_may_is_in_small_ones() -> None:
    """100 Hz; a window is due at 2 s, and what came at once lasts 3.5 s, or came in tens."""
    for sizes in ([350], [10] * 35):
        out = in_time_order(arrivals(Modality.EEG, sizes), due_s=lambda modality: 2.0)
        assert [len(a.chunk) for a in out][:2] == [round((2.0 + PIECE_S) * EEG.rate_hz), 10]
        assert {len(a.chunk) for a in out[1:]} == {10}


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
