"""What waited for the pipeline, in pieces of one size and in the order of its own time.

A stream that was held up delivers seconds of signal in one block. Taken as it comes, that block
would put its own stream seconds ahead of the other one, whose windows would then count as late. But
to step a pipeline costs as much for one sample as for many: small chunks are joined, and what gives
no window yet is one piece, however long it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Due

PIECE_S = 0.1
_IRREGULAR_PIECE = 16  # samples, where no rate says how long they last


def in_time_order(
    arrivals: Sequence[Arrival], *, due_s: Due = lambda modality: -inf
) -> list[Arrival]:
    """The arrivals in pieces, by the time of their last sample.

    The order within a stream stays as it is: its time never runs backwards. Of what is joined, the
    arrival is that of the last.

    Args:
        arrivals: In the order in which they came.
        due_s: Before which stamp no sample of a stream gives a window. A piece ends `PIECE_S` after
            that at the latest, and where it begins later it lasts `PIECE_S` at most.
    """
    whole_s = {a.modality: due_s(a.modality) + PIECE_S for a in arrivals}
    pieces = [
        piece
        for modality, mine in _by_stream(arrivals, whole_s).items()
        for piece in _joined(mine, whole_s[modality])
    ]
    return sorted(pieces, key=lambda a: float(a.chunk.t_s[-1]))


def _by_stream(
    arrivals: Iterable[Arrival], whole_s: Mapping[Modality, float]
) -> dict[Modality, list[Arrival]]:
    """The pieces of each stream."""
    streams: dict[Modality, list[Arrival]] = {}
    for arrival in arrivals:
        mine = streams.setdefault(arrival.modality, [])
        mine.extend(_pieces(arrival, whole_s[arrival.modality]))
    return streams


def _joined(pieces: Sequence[Arrival], whole_s: float) -> Iterator[Arrival]:
    """Neighbours that nothing lies between, as one, up to the size of a piece."""
    together: list[Arrival] = []
    n = 0
    for piece in pieces:
        fits = n + len(piece.chunk) <= _size(piece) or piece.chunk.t_s[-1] < whole_s
        if together and not (fits and _goes_on(together[-1], piece)):
            yield _one(together)
            together, n = [], 0
        together.append(piece)
        n += len(piece.chunk)
    if together:
        yield _one(together)


def _goes_on(before: Arrival, after: Arrival) -> bool:
    return (
        after.chunk.spec is before.chunk.spec
        and not after.chunk.gap_before
        and after.first == before.first + len(before.chunk)
    )


def _one(together: Sequence[Arrival]) -> Arrival:
    first, last = together[0], together[-1]
    if first is last:
        return first
    chunk = SampleChunk(
        last.chunk.spec,
        np.concatenate([a.chunk.t_s for a in together]),
        np.concatenate([a.chunk.x for a in together]),
        first.chunk.gap_before,
    )
    return replace(last, chunk=chunk, first=first.first)


def _pieces(arrival: Arrival, whole_s: float) -> Iterator[Arrival]:
    chunk = arrival.chunk
    size = _size(arrival)
    if len(chunk) <= size:
        if len(chunk):
            yield arrival
        return
    first = max(size, int(np.searchsorted(chunk.t_s, whole_s)))
    edges = [0, *range(first, len(chunk), size), len(chunk)]
    for start, end in pairwise(edges):
        at = slice(start, end)
        gap_before = chunk.gap_before and start == 0
        piece = SampleChunk(chunk.spec, chunk.t_s[at], chunk.x[at], gap_before)
        yield replace(arrival, chunk=piece, first=arrival.first + start)


def _size(arrival: Arrival) -> int:
    """Samples of its stream in a piece."""
    rate_hz = arrival.chunk.spec.rate_hz
    return max(1, round(PIECE_S * rate_hz)) if rate_hz > 0.0 else _IRREGULAR_PIECE
