"""How long to wait before the next try."""

import random
from collections.abc import Iterator

FIRST_S = 0.1
LONGEST_S = 5.0


def delays_s(chance: random.Random) -> Iterator[float]:
    """None at first, then twice as long each time, up to five seconds, each by half at random.

    A room of fifty clients must not come back in step.
    """
    yield 0.0
    delay_s = FIRST_S
    while True:
        yield delay_s * chance.uniform(0.5, 1.0)
        delay_s = min(2.0 * delay_s, LONGEST_S)
