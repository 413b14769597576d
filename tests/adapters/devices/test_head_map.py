"""Electrodes on paper lie as they do on the head."""

import numpy as np
import pytest

from hadua.adapters.devices.electrodes import electrode_positions
from hadua.adapters.devices.head_map import on_paper
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import InvalidInputError


def test_the_vertex_is_in_the_middle_and_the_nose_is_up() -> None:
    cz, fpz, oz, t7, t8 = on_paper(["CZ", "FPZ", "OZ", "T7", "T8"])

    assert np.hypot(*cz) < 0.15
    assert fpz[1] > 0.9
    assert oz[1] < -0.7
    assert t7[0] < -0.9
    assert t8[0] > 0.9


def test_the_distance_from_the_middle_is_the_angle_and_the_direction_is_kept() -> None:
    places, directions = on_paper(SEED_62), electrode_positions(SEED_62)

    angle = np.degrees(np.arccos(directions[:, 2]))
    np.testing.assert_allclose(np.hypot(*places.T) * 90.0, angle, atol=0.05)
    turn = np.arctan2(places[:, 1], places[:, 0]) - np.arctan2(directions[:, 1], directions[:, 0])
    np.testing.assert_allclose(turn, 0.0, atol=1e-9)


def test_no_name_and_one_without_a_place() -> None:
    assert on_paper([]).shape == (0, 2)
    with pytest.raises(InvalidInputError, match="place of an electrode"):
        on_paper(["AUX"])
