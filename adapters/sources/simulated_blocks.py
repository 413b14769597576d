"""Signals made block by block: any range of samples is the same, however it is read.

A block depends only on its own number, so a signal can be entered anywhere. The making of a block
is a generator that pauses between slices of well under a millisecond: a live source lets it run
one slice at a time while it waits, and never stalls on a whole block.
"""

from collections.abc import Callable, Generator

import numpy as np

from hadua.models.features import FloatArray

BlockWork = Generator[None, None, FloatArray]


class BlockSignal:
    """Reads sample ranges from blocks `(block_len, n_channels)` that `build` makes on demand.

    Args:
        build: Starts the making of block number j >= 0.
        block_len: Samples in a block.
    """

    def __init__(self, build: Callable[[int], BlockWork], *, block_len: int) -> None:
        self._build = build
        self._block_len = block_len
        self._blocks: dict[int, FloatArray] = {}
        self._work: tuple[int, BlockWork] | None = None

    def read(self, start: int, stop: int) -> FloatArray:
        """Samples `start` to `stop` (exclusive), `(stop - start, n_channels)`, a fresh array."""
        n = self._block_len
        if stop <= (start // n + 1) * n:
            j = start // n
            return self._finish(j)[start - j * n : stop - j * n].copy()
        pieces = []
        for j in range(start // n, (stop - 1) // n + 1):
            block = self._finish(j)
            pieces.append(block[max(start - j * n, 0) : max(stop - j * n, 0)])
        return np.concatenate(pieces)

    def work(self, position: int) -> bool:
        """Do one slice towards the blocks at and after sample `position`; False: all is ready."""
        j = position // self._block_len
        for wanted in (j, j + 1):
            if wanted not in self._blocks:
                self._step(wanted)
                return True
        return False

    def _finish(self, j: int) -> FloatArray:
        while j not in self._blocks:
            self._step(j)
        return self._blocks[j]

    def _step(self, j: int) -> None:
        if self._work is None or self._work[0] != j:
            self._work = (j, self._build(j))
        try:
            next(self._work[1])
        except StopIteration as done:
            self._work = None
            self._blocks[j] = done.value
            for old in [i for i in self._blocks if not j - 2 <= i <= j + 2]:
                del self._blocks[old]


def fade(length: int) -> FloatArray:
    """`(length,)` sine window: the squares of two, half a length apart, add up to 1."""
    return np.asarray(np.sin(np.pi * (np.arange(length) + 0.5) / length))


def smooth_noise(keys: list[int], t_s: float, *, every_s: float, size: int) -> FloatArray:
    """Slow noise `(size,)` at `t_s`: normal values every `every_s`, joined by a cosine."""
    knot, share = divmod(t_s / every_s, 1.0)
    blend = 0.5 - 0.5 * np.cos(np.pi * share)
    a, b = (np.random.default_rng([*keys, int(knot) + i]).standard_normal(size) for i in (0, 1))
    return np.asarray((a * (1 - blend) + b * blend) / np.hypot(1 - blend, blend))
