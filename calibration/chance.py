"""Chance of a learner's own, that leaves everybody else's as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils import deterministic as _memory  # a setting, not an algorithm

_FILL = "fill_uninitialized_memory"  # of a module whose type has no such attribute


class Chance:
    """Random numbers that go on from call to call, for numpy and for torch's dropout.

    Args:
        seed: Start of both.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._state = torch.Generator().manual_seed(seed).get_state()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Let torch draw from here, on one thread and by repeatable algorithms."""
        with one_thread(), repeatable(), torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._state)
            try:
                yield
            finally:
                self._state = torch.get_rng_state()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw from a seed, on one thread and by repeatable algorithms."""
    with one_thread(), repeatable(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def repeatable() -> Iterator[None]:
    """Refuse algorithms that give other results every time; undone afterwards.

    The mode is set by its level: `torch.use_deterministic_algorithms` imports a compiler for it.
    Memory that nobody reads is not filled, which would cost a tenth of a training.
    """
    strict = torch.get_deterministic_debug_mode()
    fill = getattr(_memory, _FILL)
    torch.set_deterministic_debug_mode("error")
    setattr(_memory, _FILL, False)
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(strict)
        setattr(_memory, _FILL, fill)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: sums over several come out differently in the last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
