"""When a marker that came over REST happened, in LSL seconds."""

from dataclasses import dataclass

from hadua.service.clock_echo import Echo, estimate
from hadua.service.requests import PostMarker


@dataclass(frozen=True, slots=True)
class MarkerTime:
    """A place on LSL's time line.

    Args:
        t_s: LSL seconds.
        offset_s: LSL time minus the client's; None if the client's clock was not asked.
        uncertainty_s: How wrong `t_s` may be because of it.
    """

    t_s: float
    offset_s: float | None = None
    uncertainty_s: float | None = None


def marker_time(body: PostMarker, *, now_s: float) -> MarkerTime:
    """When it happened: as it says, by whichever clock; `now_s` (LSL) if it says nothing."""
    if body.t_s is not None:
        return MarkerTime(body.t_s)
    if body.client_s is None:
        return MarkerTime(now_s)
    offset = estimate(Echo(e.asked_s, e.received_s, e.replied_s, e.heard_s) for e in body.exchanges)
    return MarkerTime(body.client_s + offset.offset_s, offset.offset_s, offset.uncertainty_s)
