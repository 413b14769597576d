"""How much later than the truth a device stamps its samples, always."""

import math
from dataclasses import dataclass
from typing import Literal

from hadua.models.errors import UsageError

LARGEST_LAG_MS = 10_000.0


@dataclass(frozen=True, slots=True)
class Lag:
    """A constant lag of a device: what is taken off each of its time stamps.

    No clock synchronisation can see it: that a tracker's camera and its program take 30 ms, a
    photodiode or a loop-back test has to show.

    Args:
        s: Seconds; negative where stamps are early.
        said_by: Who says so: the operator, the stream in `<synchronization><offset_mean>` (which
            by XDF's definition is to be subtracted), or nobody.
    """

    s: float = 0.0
    said_by: Literal["", "operator", "stream"] = ""


NO_LAG = Lag()


def lag_in_ms(text: str, *, where: str) -> float:
    """A lag as an operator writes it.

    Raises:
        UsageError: not a number of milliseconds up to ten seconds.
    """
    try:
        lag_ms = float(text)
    except ValueError:
        lag_ms = math.nan
    if not abs(lag_ms) <= LARGEST_LAG_MS:  # False for NaN
        raise UsageError(
            f"{where}: lag_ms",
            got=repr(text),
            expected=f"milliseconds, at most {LARGEST_LAG_MS:g}, as in lag_ms=30",
        )
    return lag_ms
