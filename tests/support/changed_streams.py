"""Streams that come back another one: what comes before, and what comes once they are back."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from support.pipelines import ORIGIN_S

from hadua.adapters.sources.source import SampleChunk, StreamSpec

GONE_S, BACK_S = ORIGIN_S + 3.0, ORIGIN_S + 5.0

Change = Callable[[Sequence[SampleChunk], Sequence[SampleChunk]], list[SampleChunk]]


def halves(chunks: Sequence[SampleChunk]) -> tuple[list[SampleChunk], list[SampleChunk]]:
    """What comes before it goes, and what comes once it is back."""
    before = [c for c in chunks if c.t_s[-1] < GONE_S]
    after = [c for c in chunks if c.t_s[0] >= BACK_S]
    return before, [replace(after[0], gap_before=True), *after[1:]]


def as_stream(
    chunk: SampleChunk, spec: StreamSpec, columns: Sequence[int], step: int = 1
) -> SampleChunk:
    x = chunk.x[::step][:, list(columns)]
    return SampleChunk(spec, chunk.t_s[::step].copy(), x.copy(), chunk.gap_before)


def every_second(before: Sequence[SampleChunk], after: Sequence[SampleChunk]) -> list[SampleChunk]:
    """Comes back with half the rate."""
    spec = before[0].spec
    half = replace(spec, rate_hz=spec.rate_hz / 2)
    columns = range(len(spec.channels))
    return [*before, *(as_stream(c, half, columns, step=2) for c in after)]


def reordered(before: Sequence[SampleChunk], after: Sequence[SampleChunk]) -> list[SampleChunk]:
    """Comes back with its channels in another order."""
    spec = before[0].spec
    order = list(reversed(range(len(spec.channels))))
    other = replace(spec, channels=tuple(spec.channels[i] for i in order))
    return [*before, *(as_stream(c, other, order) for c in after)]


def two_only(before: Sequence[SampleChunk], after: Sequence[SampleChunk]) -> list[SampleChunk]:
    """Comes back with two channels."""
    spec = before[0].spec
    columns = [spec.labels.index(label) for label in ("CZ", "OZ")]
    other = replace(spec, channels=tuple(spec.channels[i] for i in columns))
    return [*before, *(as_stream(c, other, columns) for c in after)]


def too_slow(before: Sequence[SampleChunk], after: Sequence[SampleChunk]) -> list[SampleChunk]:
    """Comes back at 50 Hz."""
    spec = before[0].spec
    other = replace(spec, rate_hz=50.0)
    step = round(spec.rate_hz / 50.0)
    columns = range(len(spec.channels))
    return [*before, *(as_stream(c, other, columns, step=step) for c in after)]
