"""What waited for the pipeline, in small pieces and in the order of its own time.

A stream that was held up delivers seconds of signal in one block. Taken as it comes, that block
would put its own stream seconds ahead of the other one, whose windows would then count as late.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hadua.adapters.sources.source import SampleChunk
from hadua.service.bridge import Arrival

PIECE_S = 0.1
_IRREGULAR_PIECE = 16  # samples, where no rate says how long they last


def in_time_order(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The arrivals in pieces of at most `PIECE_S`, by the time of their last sample.

    The order within a stream stays as it is: its time never runs backwards.
    """
    pieces = [piece for arrival in arrivals for piece in _pieces(arrival)]
    return sorted(pieces, key=lambda a: float(a.chunk.t_s[-1]))


def _pieces(arrival: Arrival) -> Iterator[Arrival]:
    chunk = arrival.chunk
    rate_hz = chunk.spec.rate_hz
    size = max(1, round(PIECE_S * rate_hz)) if rate_hz > 0.0 else _IRREGULAR_PIECE
    if len(chunk) <= size:
        if len(chunk):
            yield arrival
        return
    for start in range(0, len(chunk), size):
        at = slice(start, start + size)
        gap_before = chunk.gap_before and start == 0
        piece = SampleChunk(chunk.spec, chunk.t_s[at], chunk.x[at], gap_before)
        yield replace(arrival, chunk=piece, first=arrival.first + start)
