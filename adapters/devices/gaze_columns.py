"""Which columns hold the gaze of each eye, and how they become degrees and millimetres.

Both eyes of most streams have columns of the same kinds; then they are worked on at once, which
takes half as many calls: of a tenth of a second's samples, these are what costs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.gaze_channels import GazeChannel, Quantity
from hadua.adapters.devices.gaze_units import GazeUnit
from hadua.adapters.devices.screen import View, angle_deg
from hadua.models.features import BoolArray, FloatArray

IntArray = npt.NDArray[np.intp]

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
        there = [(i, eye) for i, eye in enumerate(eyes) if eye is not None]
        alike = len({_kinds(eye) for _, eye in there}) == 1
        groups = [there] if alike else [[one] for one in there]
        self._groups = [
            (np.array([i for i, _ in group]), AlikeEyes([eye for _, eye in group]))
            for group in groups
        ]

    def measure(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
        """Turn `(n, n_channels)` into x and y in degrees, pupil in mm, valid, each `(n, 2)`."""
        with np.errstate(over="ignore", invalid="ignore"):  # absurd values are missing, no warning
            measured = [(at, eyes.measure(values)) for at, eyes in self._groups]
        if len(measured) == 1 and len(measured[0][0]) == len(self.eyes):
            return measured[0][1]
        x, y, pupil = (np.full((values.shape[0], 2), np.nan) for _ in range(3))
        valid = np.zeros((values.shape[0], 2), np.bool_)
        for at, found in measured:
            x[:, at], y[:, at], pupil[:, at], valid[:, at] = found
        return x, y, pupil, valid


def _kinds(eye: EyeColumns) -> tuple[object, ...]:
    """What two eyes must have in common to be worked on at once."""
    kinds = tuple(kind for _, kind in eye.flags)
    return kinds, eye.pupil is None, eye.pupil_any is None, len(eye.pupil_valid), eye.missing


class AlikeEyes:
    """One eye, or two whose columns are of the same kinds: `k` eyes, worked on at once.

    Args:
        eyes: Their columns.
    """

    def __init__(self, eyes: list[EyeColumns]) -> None:
        k, first = len(eyes), eyes[0]
        axes = [eye.x for eye in eyes] + [eye.y for eye in eyes]
        self._k = k
        self._places = np.array([axis.column for axis in axes])
        self._centre = np.array([axis.centre for axis in axes])
        self._scale = np.array([axis.scale for axis in axes])
        self._half_tangent = np.array([axis.half_tangent or 0.0 for axis in axes])
        self._degrees = np.array([axis.half_tangent is None for axis in axes])
        self._limit = np.where(self._degrees, MAX_DEG, MAX_OFFSET)
        self._in_picture = ~self._degrees[:k]
        self._any_degrees = bool(self._degrees.any())
        self._any_angle = not self._degrees.all()
        self._missing = first.missing
        self._flags = [
            (kind, np.array([eye.flags[i][0] for eye in eyes]))
            for i, (_, kind) in enumerate(first.flags)
        ]
        self._pupil = _columns([eye.pupil for eye in eyes])
        self._pupil_any = _columns([eye.pupil_any for eye in eyes])
        self._pupil_valid = [
            np.array([eye.pupil_valid[i] for eye in eyes]) for i in range(len(first.pupil_valid))
        ]

    def measure(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
        """Turn `(n, n_channels)` into x and y in degrees, pupil in mm, valid, each `(n, k)`."""
        k, places = self._k, values.take(self._places, axis=1)
        offset = (places - self._centre) * self._scale
        inside = np.abs(offset) <= self._limit  # False where it is not finite
        valid = inside[:, :k] & inside[:, k:]
        self._leave_out_lost(valid, values, x=places[:, :k], y=places[:, k:])
        angle = self._angle(offset)
        x, y = angle[:, :k], angle[:, k:]
        if not valid.all():
            x, y = np.where(valid, x, np.nan), np.where(valid, y, np.nan)
        return x, y, self._diameter(values, valid), valid

    def _leave_out_lost(
        self, valid: BoolArray, values: FloatArray, *, x: FloatArray, y: FloatArray
    ) -> None:
        """Clear `valid` where the tracker itself says that it lost the eye."""
        if self._pupil_any is not None:
            valid &= values.take(self._pupil_any, axis=1) != 0.0
        for kind, columns in self._flags:
            valid &= _says_found(kind, values.take(columns, axis=1))
        for code in self._missing:
            valid &= (x != code) & (y != code)
        if self._any_angle:  # degrees may well be 0 or -1
            same = (x == y) & self._in_picture
            if same.any():
                valid &= ~(same & ((x == 0.0) | (x == -1.0)))

    def _angle(self, offset: FloatArray) -> FloatArray:
        """Degrees from the middle."""
        if not self._any_angle:
            return offset
        angle = angle_deg(offset, half_tangent=self._half_tangent)
        return np.where(self._degrees, offset, angle) if self._any_degrees else angle

    def _diameter(self, values: FloatArray, valid: BoolArray) -> FloatArray:
        if self._pupil is None:
            return np.full(valid.shape, np.nan)
        pupil_mm = values.take(self._pupil, axis=1)
        fits = valid & (pupil_mm >= PUPIL_MM[0]) & (pupil_mm <= PUPIL_MM[1])
        for columns in self._pupil_valid:
            fits &= values.take(columns, axis=1) > 0.0
        return np.where(fits, pupil_mm, np.nan)


def _columns(columns: list[int | None]) -> IntArray | None:
    """None where there are none: alike eyes have all of them or none."""
    there = [column for column in columns if column is not None]
    return np.array(there) if there else None


def _says_found(kind: Quantity, values: FloatArray) -> BoolArray:
    """Where a tracker's own word is that it found the eye; False for NaN."""
    if kind is Quantity.STATUS:
        found = values == 0.0
    elif kind is Quantity.CODE:
        found = (values >= 0.0) & (values <= MAX_GOOD_CODE)
    elif kind is Quantity.VALID:
        found = values > 0.0
    else:
        found = values >= MIN_CONFIDENCE
    return np.asarray(found)
