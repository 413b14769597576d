"""Eyes are measured as they would be alone, however much their columns have in common."""

from dataclasses import replace

import numpy as np
import pytest

from hadua.adapters.devices.gaze_channels import Quantity
from hadua.adapters.devices.gaze_columns import Axis, EyeColumns, GazeColumns
from hadua.models.features import FloatArray

PICTURE = EyeColumns(
    Axis(0, 960.0, 1.0 / 960.0, 0.4),
    Axis(1, 540.0, 1.0 / 540.0, 0.23),
    flags=((3, Quantity.VALID), (4, Quantity.CONFIDENCE)),
    pupil=2,
    pupil_any=2,
    pupil_valid=(3,),
    missing=(-32768.0,),
)
ALIKE = replace(PICTURE, x=replace(PICTURE.x, column=5), y=replace(PICTURE.y, column=6), pupil=7)
DEGREES = replace(ALIKE, x=Axis(5, 0.0, 1.0, None), y=Axis(6, 0.0, -1.0, None))
PLAIN = EyeColumns(ALIKE.x, DEGREES.y, ((8, Quantity.CODE),), None, None, ())
SECOND = {"alike": ALIKE, "degrees": DEGREES, "plain": PLAIN}


def values() -> FloatArray:
    """Gaze with all that a tracker may write where it sees nothing."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.0, 1000.0, (400, 9))
    x[:, [2, 7]], x[:, [3, 4, 8]] = (
        rng.uniform(0.5, 11.0, (400, 2)),
        rng.uniform(0.0, 1.5, (400, 3)),
    )
    for odd in (0.0, -1.0, np.nan, np.inf, -1e308, -32768.0):
        x[rng.random(x.shape) < 0.03] = odd
    x[:20, :2] = x[:20, 5:7] = 0.0
    return x


@pytest.mark.parametrize("second", SECOND.values(), ids=list(SECOND))
@pytest.mark.parametrize("n", [0, 1, 2, 400])
def test_two_eyes_are_measured_as_each_alone(second: EyeColumns, n: int) -> None:
    x = values()[:n]

    both = GazeColumns((PICTURE, second)).measure(x)

    left, right = GazeColumns((PICTURE, None)).measure(x), GazeColumns((None, second)).measure(x)
    for together, one, other in zip(both, left, right, strict=True):
        np.testing.assert_array_equal(together[:, 0], one[:, 0])
        np.testing.assert_array_equal(together[:, 1], other[:, 1])


@pytest.mark.parametrize("second", SECOND.values(), ids=list(SECOND))
def test_what_is_not_valid_has_no_gaze_and_no_pupil(second: EyeColumns) -> None:
    x_deg, y_deg, pupil_mm, valid = GazeColumns((PICTURE, second)).measure(values())

    assert valid.any(axis=0).all()
    assert not valid.all(axis=0).any()
    np.testing.assert_array_equal(np.isfinite(x_deg), valid)
    np.testing.assert_array_equal(np.isfinite(y_deg), valid)
    assert np.isnan(pupil_mm[~valid]).all()


def test_an_eye_that_is_not_there_is_never_valid() -> None:
    for found in GazeColumns((None, None)).measure(values()):
        assert not np.nan_to_num(found).any()
