"""What a channel of an eye tracker is: by the rules of its preset, or by what its outlet says.

The general rules are one table, read from the top: the first whose pattern is found in "type label"
(lower case) decides. They follow LSL's conventions for gaze streams (ScreenX, Diameter,
Confidence, ...) and names of that kind. What only one device does is in its preset.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from hadua.adapters.devices.described import DescribedChannel, Device
from hadua.adapters.devices.units import is_said
from hadua.adapters.sources.source import Channel, StreamSpec


class Quantity(StrEnum):
    """What a gaze channel measures."""

    X = "x"
    Y = "y"
    PUPIL = "pupil"
    VALID = "valid"
    STATUS = "status"  # the other way round: 0 is good
    CODE = "code"  # 0 and 1 are good, above is lost: Tobii's validity codes before 2016
    PUPIL_VALID = "pupil valid"
    CONFIDENCE = "confidence"
    AMBIGUOUS = "ambiguous"  # a validity of which nobody says what 0 means
    NONE = ""


_RULES: tuple[tuple[re.Pattern[str], Quantity], ...] = tuple(
    (re.compile(pattern), quantity)
    for pattern, quantity in (
        # Positions of eyes, axes of gaze, points in space, lids, clocks: not gaze on a screen.
        (r"position[xyz]\b|direction|intersection|pupil[xyz]\b|normal[xyz]\b", Quantity.NONE),
        (r"user_coord|track_?box|gaze_?origin|eye_?cent|3d_[xyz]\b", Quantity.NONE),
        (r"openness|eye_?lid|distance|time_?stamp|index|counter", Quantity.NONE),
        (r"\bacc?_|gyro|trigger|marker|available", Quantity.NONE),
        (r"valid.*pupil|pupil.*valid", Quantity.PUPIL_VALID),
        # Tobii's SDK since 2016 says gaze_point_validity, 1 is good; before, validity: 0 is good.
        (r"gaze_?point_?valid|valid_?flag|valid(?!ity)", Quantity.VALID),
        (r"validity", Quantity.AMBIGUOUS),
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
        channel: What the outlet and the preset say about it.
        quantity: What it measures.
        eyes: The eyes it speaks of: (0,), (1,) or both.
        up: For y: it grows upwards.
    """

    column: int
    channel: Channel
    quantity: Quantity
    eyes: tuple[int, ...]
    up: bool = False


def recognise(device: Device) -> tuple[GazeChannel, ...]:
    """Find the channels that speak of gaze, in the stream's order."""
    if _is_bare_pair(device.stream):
        pair = zip(device.channels, (Quantity.X, Quantity.Y), strict=True)
        return tuple(GazeChannel(c.column, c.channel, quantity, (0, 1)) for c, quantity in pair)
    return tuple(_recognised(device))


def _recognised(device: Device) -> Iterator[GazeChannel]:
    by_rule = bool(device.preset.channels)
    for described in device.channels:
        rule = described.rule
        if rule is None:
            quantity = Quantity.NONE if by_rule else _quantity(described.channel)
        else:
            quantity = Quantity(rule.role) if rule.role in _ROLES else Quantity.NONE
        if quantity is Quantity.NONE:
            continue
        channel = _with_unit(device, described, quantity)
        up = rule is not None and rule.up
        yield GazeChannel(described.column, channel, quantity, _eyes(channel), up)


_ROLES = frozenset(quantity.value for quantity in Quantity if quantity is not Quantity.NONE)


def _with_unit(device: Device, described: DescribedChannel, quantity: Quantity) -> Channel:
    channel, preset = described.channel, device.preset
    usual = preset.pupil_unit if quantity is Quantity.PUPIL else preset.gaze_unit
    return channel if is_said(channel.unit) or not usual else replace(channel, unit=usual)


def _is_bare_pair(stream: StreamSpec) -> bool:
    """A gaze stream of two channels without labels."""
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
