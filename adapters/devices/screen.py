"""How far a point of gaze is from the middle, as an angle at the eye."""

from dataclasses import dataclass
from math import isfinite, radians, tan

import numpy as np

from hadua.models.errors import UsageError
from hadua.models.features import FloatArray


@dataclass(frozen=True, slots=True)
class Screen:
    """The screen in front of the participant; a session setting.

    The defaults are a 24-inch 16:9 monitor of 1920 x 1080 pixels at 65 cm, the distance for which
    desk-mounted trackers are built. They are an assumption, and a mapping report says so: angles
    grow in proportion to the true size and shrink with the true distance.

    Args:
        width_mm: Width of the picture.
        height_mm: Height of the picture.
        distance_mm: From the eyes to the screen.
        width_px: Width in pixels, for trackers that send pixels.
        height_px: Height in pixels.
    """

    width_mm: float = 531.0
    height_mm: float = 299.0
    distance_mm: float = 650.0
    width_px: float = 1920.0
    height_px: float = 1080.0

    def __post_init__(self) -> None:
        sizes = (self.width_mm, self.height_mm, self.distance_mm, self.width_px, self.height_px)
        if not all(isfinite(s) and s > 0.0 for s in sizes):
            raise UsageError(
                "screen settings",
                got=f"{self}",
                expected="sizes above zero",
                hint="Measure the picture and the distance in millimetres.",
            )

    @property
    def half_tangent(self) -> tuple[float, float]:
        """Tangent of the angle from the middle to the right and to the lower edge."""
        return 0.5 * self.width_mm / self.distance_mm, 0.5 * self.height_mm / self.distance_mm

    def __str__(self) -> str:
        return (
            f"a screen of {self.width_mm:g} x {self.height_mm:g} mm "
            f"({self.width_px:g} x {self.height_px:g} px) at {self.distance_mm:g} mm"
        )


@dataclass(frozen=True, slots=True)
class SceneCamera:
    """The camera of a head-worn tracker, taken as a pinhole.

    The defaults are of the order of today's glasses (about 82 degrees each way on a 1088 x 1080
    picture). Lens distortion is not undone.

    Args:
        width_px: Width of its picture.
        height_px: Height of its picture.
        fov_x_deg: Field of view across.
        fov_y_deg: Field of view down.
    """

    width_px: float = 1088.0
    height_px: float = 1080.0
    fov_x_deg: float = 82.0
    fov_y_deg: float = 82.0

    @property
    def half_tangent(self) -> tuple[float, float]:
        """Tangent of the angle from the middle to the right and to the lower edge."""
        return tan(radians(self.fov_x_deg / 2.0)), tan(radians(self.fov_y_deg / 2.0))

    def __str__(self) -> str:
        return (
            f"a scene camera of {self.width_px:g} x {self.height_px:g} px that sees "
            f"{self.fov_x_deg:g} x {self.fov_y_deg:g} degrees"
        )


View = Screen | SceneCamera


def angle_deg(offset: FloatArray, *, half_tangent: float | FloatArray) -> FloatArray:
    """Angle of a point, in degrees.

    Args:
        offset: Distance from the middle, 1 at the edge and -1 at the opposite one; any shape.
        half_tangent: Tangent of the angle from the middle to the edge.
    """
    return np.asarray(np.degrees(np.arctan(offset * half_tangent)))
