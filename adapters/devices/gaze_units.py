"""Units of gaze and pupil as outlets write them, and the ones that are refused."""

import re
from dataclasses import dataclass
from enum import StrEnum

from hadua.adapters.devices.gaze_channels import GazeChannel
from hadua.adapters.devices.screen import SceneCamera
from hadua.adapters.sources.source import StreamSpec


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
_EYELINK = re.compile(r"eyelink", re.IGNORECASE)
_HEAD_WORN = re.compile(r"world|scene|head|video", re.IGNORECASE)
# Scene cameras of head-worn trackers by the stream's name; field of view from their makers' data.
_SCENES: tuple[tuple[re.Pattern[str], SceneCamera], ...] = (
    (re.compile(r"tobii.*glasses", re.I), SceneCamera(1920.0, 1080.0, 82.0, 52.0)),
    (re.compile(r"pupil_?(labs|invisible)|neon", re.I), SceneCamera()),
    (re.compile(r"pupil_?capture", re.I), SceneCamera(1280.0, 720.0, 99.0, 53.0)),
)


@dataclass(frozen=True, slots=True)
class PupilUnit:
    """How a pupil channel is taken.

    Args:
        usable: Whether it is a diameter in millimetres, or may be taken as one.
        why: Why it is refused, or what was assumed; empty if it says millimetres.
    """

    usable: bool
    why: str = ""


def gaze_unit(found: GazeChannel, *, stream: StreamSpec) -> tuple[GazeUnit | None, str]:
    """The unit of a gaze channel, None if it is none that we know, and what was assumed."""
    unit = found.channel.unit.strip().lower()
    if unit:
        return _GAZE_UNITS.get(unit), ""
    if _EYELINK.search(stream.name):
        return GazeUnit.PIXELS, "EyeLink gaze has no unit and was taken as pixels"
    return GazeUnit.NORMALISED, "gaze has no unit and was taken as 0 to 1 across the screen"


def pupil_unit(found: GazeChannel, *, stream: StreamSpec) -> PupilUnit:
    """Whether a pupil channel is a diameter in millimetres."""
    unit, label = found.channel.unit.strip().lower(), found.channel.label
    if "area" in label.lower() or "area" in unit:
        return PupilUnit(False, f"{label!r} is an area, not a diameter in millimetres")
    if unit in ("mm", "millimeter", "millimeters", "millimetre", "millimetres"):
        return PupilUnit(True)
    if unit:
        return PupilUnit(False, f"{label!r} is in {unit!r}, not in millimetres")
    if _EYELINK.search(stream.name):
        return PupilUnit(False, f"{label!r} is in EyeLink's arbitrary unit, not in millimetres")
    return PupilUnit(True, f"{label!r} has no unit and was taken as millimetres")


def scene_camera(found: GazeChannel, *, stream: StreamSpec) -> SceneCamera | None:
    """The scene camera that gaze is relative to; None if it is relative to a screen."""
    named = next((scene for pattern, scene in _SCENES if pattern.search(stream.name)), None)
    if named is not None:
        return named
    return SceneCamera() if _HEAD_WORN.search(found.channel.coordinate_system) else None


def points_up(found: GazeChannel) -> bool:
    """Whether y grows upwards, as in Pupil Capture's `norm_pos` with its origin bottom left."""
    return found.channel.label.lower().startswith("norm_pos")
