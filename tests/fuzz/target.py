"""What is fuzzed: a parser of ours, what it usually reads, and how that is damaged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from hadua.models.errors import HaduaError

Feed = Callable[[bytes], None]
"""Gives a parser one input; whatever it raises but a clear `HaduaError` is a fault."""
Mutate = Callable[[Random, Sequence[bytes]], bytes]
"""One input, made of the seeds."""

LONGEST_TEXT = 5500
MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Target:
    """A parser to fuzz.

    Args:
        name: As commands and reports name it.
        what: Which of our functions read the input.
        seeds: Inputs that it takes, small.
        mutate: Makes an input out of them.
        opened: Makes the feed; the folder is the target's own, in memory where there is such.
    """

    name: str
    what: str
    seeds: Callable[[], list[bytes]]
    mutate: Mutate
    opened: Callable[[Path], Feed]

    def input(self, seeds: Sequence[bytes], *, seed: int, index: int) -> bytes:
        """Input number `index`, the same on every machine; the seeds themselves come first."""
        if index < len(seeds):
            return seeds[index]
        numbers = Random((seed * 0x9E3779B97F4A7C15 ^ index * 0xBF58476D1CE4E5B9) & MASK)
        return self.mutate(numbers, seeds)


class UnclearError(Exception):
    """A refusal that nobody can read."""


def refused(feed: Feed, data: bytes) -> bool:
    """Whether the parser refuses an input, in words fit for a log.

    Raises:
        UnclearError: it says nothing, too much, or what a terminal or a log would act on.
    """
    try:
        feed(data)
    except HaduaError as error:
        text = str(error)
        if not error.what or len(text) > LONGEST_TEXT:
            raise UnclearError(f"a refusal of {len(text)} characters") from error
        if not all(c.isprintable() for c in text):
            raise UnclearError(f"a refusal that holds control characters: {text!r}") from error
        return True
    return False
