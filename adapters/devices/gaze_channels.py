"""What a channel of an eye tracker is, from what its outlet says about it.

One table of rules, read from the top: the first whose pattern is found in "type label" (lower
case) decides. The patterns cover the outlets of App-TobiiPro, TittaLSL, App-TobiiStreamEngine,
Pupil Capture, Pupil Labs' relay, App-EyeLink and our simulator, and names of their kind.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from hadua.adapters.sources.source import Channel, StreamSpec


class Quantity(StrEnum):
    """What a gaze channel measures."""

    X = "x"
    Y = "y"
    PUPIL = "pupil"
    VALID = "valid"
    STATUS = "status"  # the other way round: 0 is good
    PUPIL_VALID = "pupil valid"
    CONFIDENCE = "confidence"
    NONE = ""


_RULES: tuple[tuple[re.Pattern[str], Quantity], ...] = tuple(
    (re.compile(pattern), quantity)
    for pattern, quantity in (
        # Positions of eyes, axes of gaze, points in space, lids, clocks: not gaze on a screen.
        (r"position[xyz]\b|direction|intersection|pupil[xyz]\b|normal[xyz]\b", Quantity.NONE),
        (r"user_coord|track_?box|gaze_?origin|eye_?cent|3d_[xyz]\b|normal\d?_[xyz]", Quantity.NONE),
        (r"available|openness|eye_?lid|per_?degree|time_?stamp|index|counter", Quantity.NONE),
        (r"\bgd_|\bgp3|\bpc_|\bacc?_|gyro|trigger|marker", Quantity.NONE),
        (r"valid.*pupil|pupil.*valid", Quantity.PUPIL_VALID),
        (r"valid", Quantity.VALID),
        (r"confidence", Quantity.CONFIDENCE),
        (r"\bstatus\b|_status\b", Quantity.STATUS),
        (r"pupil|diameter|\bpd\b|\bpd_", Quantity.PUPIL),
        (r"screenx|(?<![a-z])x(?![a-z])|(?:eye|gaze|pos|left|right)x\b", Quantity.X),
        (r"screeny|(?<![a-z])y(?![a-z])|(?:eye|gaze|pos|left|right)y\b", Quantity.Y),
    )
)
_LEFT = re.compile(r"left|(?<![a-z])l(?![a-z])")
_RIGHT = re.compile(r"right|(?<![a-z])r(?![a-z])")
_GAZE_TYPE = re.compile(r"gaze|eye", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GazeChannel:
    """A channel that was recognised.

    Args:
        column: Its column in the stream.
        channel: What the outlet says about it.
        quantity: What it measures.
        eyes: The eyes it speaks of: (0,), (1,) or both.
    """

    column: int
    channel: Channel
    quantity: Quantity
    eyes: tuple[int, ...]


def recognise(stream: StreamSpec) -> tuple[GazeChannel, ...]:
    """Find the channels that speak of gaze, in the stream's order."""
    if _is_bare_pair(stream):
        pair = zip((0, 1), stream.channels, (Quantity.X, Quantity.Y), strict=True)
        return tuple(GazeChannel(i, channel, quantity, (0, 1)) for i, channel, quantity in pair)
    found = (
        GazeChannel(column, channel, _quantity(channel), _eyes(channel))
        for column, channel in enumerate(stream.channels)
    )
    return tuple(c for c in found if c.quantity is not Quantity.NONE)


def _is_bare_pair(stream: StreamSpec) -> bool:
    """A gaze stream of two channels without labels, as App-TobiiStreamEngine sends it."""
    return (
        stream.synthesised_labels
        and len(stream.channels) == 2
        and _GAZE_TYPE.search(stream.type) is not None
    )


def _quantity(channel: Channel) -> Quantity:
    text = f"{channel.kind} {channel.label}".lower()
    return next((q for pattern, q in _RULES if pattern.search(text)), Quantity.NONE)


def _eyes(channel: Channel) -> tuple[int, ...]:
    said = channel.eye.strip().lower()
    label = channel.label.lower()
    if said in ("left", "l") or (not said and _LEFT.search(label)):
        return (0,)
    if said in ("right", "r") or (not said and _RIGHT.search(label)):
        return (1,)
    return (0, 1)
