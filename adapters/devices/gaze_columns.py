"""Which columns hold the gaze of each eye, and how they become degrees and millimetres."""

from dataclasses import dataclass

import numpy as np

from hadua.adapters.devices.gaze_channels import GazeChannel, Quantity
from hadua.adapters.devices.gaze_units import GazeUnit
from hadua.adapters.devices.screen import View, angle_deg
from hadua.models.features import BoolArray, FloatArray

# Further from the middle than this many half pictures, or degrees, is not gaze.
MAX_OFFSET = 3.0
MAX_DEG = 90.0
# Human pupils are 1.5 to 9 mm wide (Watson & Yellott 2012), with a margin for the tracker.
PUPIL_MM = (1.0, 10.0)
# Tobii's validity codes before 2016: 0 found, 1 probably found, 2 to 4 not or perhaps another eye.
MAX_GOOD_CODE = 1.0
# Below this confidence Pupil Labs' own software discards a sample.
MIN_CONFIDENCE = 0.6


@dataclass(frozen=True, slots=True)
class Axis:
    """One coordinate of one eye: `offset = (value - centre) * scale`, then an angle.

    Args:
        column: Its column.
        centre: Value in the middle of the picture.
        scale: 1 over the distance from the middle to the edge; negative if it grows upwards.
        half_tangent: Tangent of the angle to the edge; None where the offset is degrees.
    """

    column: int
    centre: float
    scale: float
    half_tangent: float | None


@dataclass(frozen=True, slots=True)
class EyeColumns:
    """Where the values of one eye are.

    Args:
        x: Across.
        y: Down.
        flags: Columns by which the tracker says that it lost the eye, and their kind.
        pupil: Diameter in mm, if there is one.
        pupil_any: Pupil in any unit: 0 says that the eye is lost.
        pupil_valid: Columns that are 0 where the pupil was not measured.
        missing: Values of x or y that say that the eye is lost.
    """

    x: Axis
    y: Axis
    flags: tuple[tuple[int, Quantity], ...]
    pupil: int | None
    pupil_any: int | None
    pupil_valid: tuple[int, ...]
    missing: tuple[float, ...] = ()


def axis_of(found: GazeChannel, *, unit: GazeUnit, view: View) -> Axis:
    """How the values of a channel of x or y become angles."""
    across = found.quantity is Quantity.X
    sign = -1.0 if not across and found.up else 1.0
    if unit is GazeUnit.DEGREES:
        return Axis(found.column, 0.0, sign, None)
    size = 1.0
    if unit is GazeUnit.PIXELS:
        size = view.width_px if across else view.height_px
    half_tangent = view.half_tangent[0 if across else 1]
    return Axis(found.column, 0.5 * size, sign * 2.0 / size, half_tangent)


class GazeColumns:
    """Both eyes' columns, ready to be applied to blocks.

    Args:
        eyes: Left and right eye; None where the stream has none.
    """

    def __init__(self, eyes: tuple[EyeColumns | None, EyeColumns | None]) -> None:
        self.eyes = eyes

    def measure(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
        """Turn `(n, n_channels)` into x and y in degrees, pupil in mm, valid, each `(n, 2)`."""
        with np.errstate(over="ignore", invalid="ignore"):  # absurd values are missing, no warning
            return self._measure(values)

    def _measure(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
        x, y, pupil = (np.full((values.shape[0], 2), np.nan) for _ in range(3))
        valid = np.zeros((values.shape[0], 2), np.bool_)
        for i, eye in enumerate(self.eyes):
            if eye is None:
                continue
            seen = valid[:, i]
            np.copyto(seen, ~_lost(eye, values))
            x[:, i] = _angle(eye.x, values, seen)
            y[:, i] = _angle(eye.y, values, seen)
            if eye.pupil is not None:
                pupil[:, i] = _diameter(eye, values[:, eye.pupil], values, seen)
        lost = ~valid
        x[lost], y[lost] = np.nan, np.nan
        return x, y, pupil, valid


def _lost(eye: EyeColumns, values: FloatArray) -> BoolArray:
    """Where the tracker itself says that it lost the eye."""
    if eye.pupil_any is not None:
        lost = values[:, eye.pupil_any] == 0.0
    else:
        lost = np.zeros(values.shape[0], np.bool_)
    for column, kind in eye.flags:
        if kind is Quantity.STATUS:
            lost |= values[:, column] != 0.0
        elif kind is Quantity.CODE:
            lost |= ~((values[:, column] >= 0.0) & (values[:, column] <= MAX_GOOD_CODE))
        elif kind is Quantity.VALID:
            lost |= ~(values[:, column] > 0.0)
        else:
            lost |= ~(values[:, column] >= MIN_CONFIDENCE)
    for code in eye.missing:
        lost |= (values[:, eye.x.column] == code) | (values[:, eye.y.column] == code)
    if eye.x.half_tangent is not None:  # degrees may well be 0 or -1
        x, y = values[:, eye.x.column], values[:, eye.y.column]
        lost |= (x == y) & ((x == 0.0) | (x == -1.0))
    return np.asarray(lost)


def _angle(axis: Axis, values: FloatArray, seen: BoolArray) -> FloatArray:
    """Degrees from the middle; clears `seen` where not finite or far out of range."""
    offset = (values[:, axis.column] - axis.centre) * axis.scale
    limit = MAX_DEG if axis.half_tangent is None else MAX_OFFSET
    seen &= np.abs(offset) <= limit
    return (
        offset if axis.half_tangent is None else angle_deg(offset, half_tangent=axis.half_tangent)
    )


def _diameter(
    eye: EyeColumns, pupil_mm: FloatArray, values: FloatArray, seen: BoolArray
) -> FloatArray:
    fits = seen & (pupil_mm >= PUPIL_MM[0]) & (pupil_mm <= PUPIL_MM[1])
    for column in eye.pupil_valid:
        fits &= values[:, column] > 0.0
    return np.where(fits, pupil_mm, np.nan)
