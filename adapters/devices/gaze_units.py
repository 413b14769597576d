"""Units of gaze and pupil as outlets write them, and the ones that are refused."""

import re
from dataclasses import dataclass
from enum import StrEnum

from hadua.adapters.devices.gaze_channels import GazeChannel
from hadua.adapters.devices.preset import Preset
from hadua.adapters.devices.screen import SceneCamera
from hadua.adapters.devices.units import is_said


class GazeUnit(StrEnum):
    """What gaze may be measured in."""

    NORMALISED = "normalised"
    PIXELS = "pixels"
    DEGREES = "degrees"


_GAZE_UNITS: dict[str, GazeUnit] = {
    **dict.fromkeys(("normalized", "normalised", "norm", "screencoords"), GazeUnit.NORMALISED),
    **dict.fromkeys(("pixel", "pixels", "px"), GazeUnit.PIXELS),
    **dict.fromkeys(("deg", "degree", "degrees", "\u00b0"), GazeUnit.DEGREES),
}
_MILLIMETRES = ("mm", "millimeter", "millimeters", "millimetre", "millimetres")
_HEAD_WORN = re.compile(r"world|scene|head|video", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PupilUnit:
    """How a pupil channel is taken.

    Args:
        usable: Whether it is a diameter in millimetres, or may be taken as one.
        why: Why it is refused, or what was assumed; empty if it says millimetres.
    """

    usable: bool
    why: str = ""


def gaze_unit(found: GazeChannel) -> tuple[GazeUnit | None, str]:
    """The unit of a gaze channel, None if it is none that we know, and what was assumed."""
    unit = found.channel.unit.strip().lower()
    if is_said(unit):
        return _GAZE_UNITS.get(unit), ""
    return GazeUnit.NORMALISED, "gaze has no unit and was taken as 0 to 1 across the screen"


def pupil_unit(found: GazeChannel) -> PupilUnit:
    """Whether a pupil channel is a diameter in millimetres."""
    unit, label = found.channel.unit.strip().lower(), found.channel.label
    if "area" in label.lower() or "area" in unit:
        return PupilUnit(False, f"{label!r} is an area, not a diameter in millimetres")
    if unit in _MILLIMETRES:
        return PupilUnit(True)
    if is_said(unit):
        return PupilUnit(False, f"{label!r} is in {unit!r}, not in millimetres")
    return PupilUnit(True, f"{label!r} has no unit and was taken as millimetres")


def scene_camera(found: GazeChannel, *, preset: Preset) -> SceneCamera | None:
    """The scene camera that gaze is relative to; None if it is relative to a screen."""
    if preset.scene is not None:
        return preset.scene
    return SceneCamera() if _HEAD_WORN.search(found.channel.coordinate_system) else None
