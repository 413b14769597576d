"""How far another clock is from LSL's, from a few questions and answers (as in NTP, RFC 5905).

One exchange has four times: the asker's clock when it asks, LSL when the question comes, LSL when
it is answered, the asker's clock when the answer is there. If both ways took equally long, the
clocks differ by ((received - asked) + (replied - heard)) / 2. They need not have; but neither way
took less than nothing, so that the error is at most half of what both ways took together. Of
several exchanges the one with the least bound is right by the most.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Echo:
    """One exchange, in seconds.

    Args:
        asked_s: The asker's clock, just before it asks.
        received_s: LSL, when the question comes.
        replied_s: LSL, when it is answered.
        heard_s: The asker's clock, once the answer is there.
    """

    asked_s: float
    received_s: float
    replied_s: float
    heard_s: float

    @property
    def offset(self) -> "ClockOffset":
        """What this exchange says."""
        there_s, back_s = self.received_s - self.asked_s, self.replied_s - self.heard_s
        on_the_way_s = (self.heard_s - self.asked_s) - (self.replied_s - self.received_s)
        return ClockOffset((there_s + back_s) / 2.0, max(0.0, on_the_way_s) / 2.0)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """LSL time minus the other clock's.

    Args:
        offset_s: To be added to a time of the other clock.
        uncertainty_s: The error is not greater, as long as neither clock drifts.
    """

    offset_s: float
    uncertainty_s: float


def estimate(echoes: Iterable[Echo]) -> ClockOffset:
    """The offset by the exchange whose bound is the least.

    Raises:
        ValueError: there is none.
    """
    return min((echo.offset for echo in echoes), key=lambda offset: offset.uncertainty_s)
