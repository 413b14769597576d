"""The lives of one stream: its counts over all of them, and how one follows the other."""

from dataclasses import replace

from hadua.adapters.sources.source import SampleChunk, SourceHealth

_COUNTS = ("samples", "gaps", "lost_samples", "overflows")


class Lives:
    """Adds up what a source counts from one `open` to the next, and joins its chunks.

    The first chunk of a new life says that samples are missing before it. Samples stamped before
    the last of the old life, which a clock that was set back would give, are left out and counted.
    The thread that reads calls all but `all_of`.
    """

    def __init__(self) -> None:
        self._before = SourceHealth()
        self._between = False
        self._joint = False
        self._newest_s: float | None = None
        self._left_out = 0

    @property
    def left_out(self) -> int:
        """Samples that were stamped before ones already delivered."""
        return self._left_out

    def end(self, health: SourceHealth) -> None:
        """Note that a life is over, with its last counts."""
        self._before, self._between = self.all_of(health), True

    def begin(self) -> None:
        """Note that a new life has begun."""
        self._between, self._joint = False, True

    def all_of(self, health: SourceHealth) -> SourceHealth:
        """What the source says now, with the counts of all lives."""
        counts = {name: getattr(self._before, name) for name in _COUNTS}
        if not self._between:
            counts = {name: n + getattr(health, name) for name, n in counts.items()}
        notes = health.notes
        if self._left_out:
            notes += (f"{self._left_out} samples were stamped before earlier ones: left out",)
        return replace(health, **counts, notes=notes)

    def go_on(self, chunk: SampleChunk) -> SampleChunk | None:
        """The chunk as it follows the last one; None if nothing of it does."""
        if self._joint and len(chunk):
            joined = self._joined(chunk)
            if joined is None:
                return None
            chunk, self._joint = joined, False
        if len(chunk):
            self._newest_s = float(chunk.t_s[-1])
        return chunk

    def _joined(self, chunk: SampleChunk) -> SampleChunk | None:
        if self._newest_s is not None:
            late = chunk.t_s < self._newest_s
            n = int(late.sum())
            self._left_out += n
            if n == len(chunk):
                return None
            if n:
                keep = ~late
                chunk = SampleChunk(chunk.spec, chunk.t_s[keep], chunk.x[keep])
        return chunk if chunk.gap_before else replace(chunk, gap_before=True)
