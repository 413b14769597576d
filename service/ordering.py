"""What waited for the pipeline, cut anew, in the order of its own time.

A stream that was held up delivers seconds of signal in one block. Taken as it comes, that block
would put its own stream seconds ahead of the other one, whose windows would then count as late. But
to step a pipeline costs as much for one sample as for many: small chunks are joined, and a piece
ends a little after the end of a window, or, where nothing says when that is, after `PIECE_S`. So a
session that has fallen behind catches up with as few steps as one that keeps up.

All streams are cut at the same instants, when each of them has surely given its window (`Windower`
gives it up to `SETTLE_S` late) and before an `Aligner` would go on without it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, inf, isfinite
from operator import itemgetter

import numpy as np

from hadua.adapters.sources.source import SampleChunk, joined
from hadua.models.features import Modality
from hadua.service.bridge import Arrival

PIECE_S = 0.1
AFTER_S = 0.2
"""Between `SETTLE_S` and the grace of an `Aligner`."""
LONGEST_S = 1.5
"""Less than the silence after which an `Aligner` waits for a stream no more."""
STEP_BACK_S = 0.5
"""What steps back in time by more is not joined to what came before: a pipeline may refuse it."""
_IRREGULAR_PIECE = 16  # samples, where no rate says how long they last


@dataclass(frozen=True, slots=True)
class Ends:
    """Where windows end that a stream has a say in.

    Args:
        next_s: The earliest of them; minus infinity: it is not known.
        hop_s: From one to the next.
    """

    next_s: float
    hop_s: float


EndsOf = Callable[[Modality], Ends]
ANY_TIME, NEVER = Ends(-inf, PIECE_S), Ends(inf, PIECE_S)


def in_time_order(
    arrivals: Sequence[Arrival], *, ends: EndsOf = lambda modality: ANY_TIME
) -> list[Arrival]:
    """The arrivals in pieces, by the time of their last sample.

    The order within a stream stays as it is, even where its time steps back. Of what is joined, the
    arrival is that of the last.

    Args:
        arrivals: In the order in which they came.
        ends: Where windows end that a stream has a say in. A piece ends `AFTER_S` later.
    """
    until_s: list[tuple[float, Arrival]] = []
    streams: dict[Modality, list[Arrival]] = {}
    for arrival in arrivals:
        if len(arrival.chunk):
            streams.setdefault(arrival.modality, []).append(arrival)
    for modality, mine in streams.items():
        newest_s = -inf
        for run in _runs(mine):
            for piece in _pieces(run, ends(modality)):
                newest_s = max(newest_s, float(piece.chunk.t_s[-1]))
                until_s.append((newest_s, piece))
    return [piece for _, piece in sorted(until_s, key=itemgetter(0))]


def _runs(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    """Those of one stream that nothing lies between, together."""
    run: list[Arrival] = []
    for arrival in arrivals:
        if run and not _goes_on(run[-1], arrival):
            yield run
            run = []
        run.append(arrival)
    if run:
        yield run


def _goes_on(before: Arrival, after: Arrival) -> bool:
    return (
        after.chunk.spec is before.chunk.spec
        and not after.chunk.gap_before
        and after.first == before.first + len(before.chunk)
        and float(after.chunk.t_s[0]) > float(before.chunk.t_s[-1]) - STEP_BACK_S
    )


def _pieces(run: Sequence[Arrival], ends: Ends) -> Iterator[Arrival]:
    """A run, cut anew."""
    chunk = joined([a.chunk for a in run])
    if _whole(chunk, ends):
        yield replace(run[-1], chunk=chunk, first=run[0].first) if len(run) > 1 else run[0]
        return
    came = np.cumsum([len(a.chunk) for a in run])
    cuts = _cuts(chunk, ends)
    for start, end in pairwise([0, *cuts, len(chunk)]):
        last = run[int(np.searchsorted(came, end))]
        at = slice(start, end)
        gap_before = chunk.gap_before and start == 0
        piece = SampleChunk(chunk.spec, chunk.t_s[at], chunk.x[at], gap_before)
        yield replace(last, chunk=piece, first=run[0].first + start)


def _whole(chunk: SampleChunk, ends: Ends) -> bool:
    """Whether it is one piece, as all that comes in time is: then there is nothing to reckon."""
    until_s = ends.next_s + AFTER_S
    oldest_s, newest_s = float(chunk.t_s[0]), float(chunk.t_s.max())
    return isfinite(until_s) and newest_s < until_s < oldest_s + LONGEST_S


def _cuts(chunk: SampleChunk, ends: Ends) -> list[int]:
    """Before which samples a piece ends, none of them the first; in order."""
    n, rate_hz = len(chunk), chunk.spec.rate_hz
    if not isfinite(ends.next_s):
        size = max(1, round(PIECE_S * rate_hz)) if rate_hz > 0.0 else _IRREGULAR_PIECE
        return list(range(size, n, size)) if ends.next_s < 0.0 else []
    late_s = np.maximum.accumulate(chunk.t_s) - (ends.next_s + AFTER_S)
    step_s = ends.hop_s / ceil(ends.hop_s / LONGEST_S)
    # Before the first end: one piece, which is a hop at most where a stream keeps up.
    pieces = np.where(late_s < 0.0, -1.0 - np.floor(-late_s / LONGEST_S), np.floor(late_s / step_s))
    return (np.flatnonzero(np.diff(pieces)) + 1).tolist()
