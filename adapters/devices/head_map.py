"""Electrodes on paper: the head seen from above, nose up."""

from collections.abc import Iterable

import numpy as np

from hadua.adapters.devices.electrodes import electrode_positions
from hadua.models.features import FloatArray


def on_paper(names: Iterable[str]) -> FloatArray:
    """Places `(n, 2)` of electrodes: x to the right, y to the front, the vertex at (0, 0).

    Azimuthal equidistant projection: the distance from the middle is the angle from the vertex, in
    quarters of a circle. So the head's widest circle is at 1, and what sits below it lies outside.

    Raises:
        InvalidInputError: a name whose place is not known.
    """
    directions = electrode_positions(names)
    across = np.hypot(directions[:, 0], directions[:, 1])
    angle = np.arctan2(across, directions[:, 2]) / (np.pi / 2)
    scale = np.where(across > 0.0, angle / np.where(across > 0.0, across, 1.0), 0.0)
    return np.asarray(directions[:, :2] * scale[:, None])
