"""Chunks that a reader has and nobody waits for: delivered with the one that somebody waits for.

To deliver a chunk takes as long whatever is in it, and wakes as many caches. Where one session is
served it pays to have the samples at hand early; where many are, to be brief.
"""

from collections.abc import Iterator

from hadua.adapters.sources.source import SampleChunk, joined

HOLD_S = 0.03
"""What was to come within a few milliseconds and has not is waited for no longer."""


class Held:
    """Of one reader, in its thread."""

    def __init__(self) -> None:
        self._chunks: list[SampleChunk] = []
        self._arrived_s = 0.0  # of the newest
        self._until_s = 0.0

    def __len__(self) -> int:
        return len(self._chunks)

    def hold(self, chunk: SampleChunk, *, now_s: float, arrived_s: float) -> bool:
        """Keep a chunk, if it goes on from those that are kept, and these do not wait too long."""
        if not self._chunks:
            self._until_s = now_s + HOLD_S
        elif now_s >= self._until_s or not self._goes_on(chunk):
            return False
        self._chunks.append(chunk)
        self._arrived_s = arrived_s
        return True

    def release(
        self, chunk: SampleChunk | None = None, *, arrived_s: float = 0.0
    ) -> Iterator[tuple[SampleChunk, float]]:
        """All that is kept, as one chunk, and with one more in its end if that goes on from it.

        Args:
            chunk: The one more.
            arrived_s: When it arrived.

        Yields:
            A chunk, and when the last of it arrived.
        """
        if chunk is not None and self._chunks and self._goes_on(chunk):
            self._chunks.append(chunk)
            self._arrived_s, chunk = arrived_s, None
        if self._chunks:
            whole = joined(self._chunks)  # for which there may be no memory, for now
            self._chunks = []
            yield whole, self._arrived_s
        if chunk is not None:
            yield chunk, arrived_s

    def _goes_on(self, chunk: SampleChunk) -> bool:
        last = self._chunks[-1]
        same = chunk.spec is last.spec and not chunk.gap_before
        return same and len(chunk) > 0 and bool(chunk.t_s[0] >= last.t_s[-1])
