"""Which of a model's channels can be interpolated from those that measured, and how well."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hadua.adapters.devices.electrodes import electrode_positions, has_place
from hadua.adapters.devices.interpolation import spherical_spline_matrix
from hadua.adapters.devices.recovery import recovered_share
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray

MIN_SHARE = 0.5
"""A channel of whose variance less than half is expected back stays missing."""

_REMEMBERED = 32


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """What to interpolate from a set of measured channels: `x[:, filled] = x[:, used] @ matrix.T`.

    Args:
        used: `(k,)` positions, among the model's channels, of those to interpolate from.
        filled: `(m,)` positions of those that can be interpolated.
        matrix: `(m, k)` weights.
        share: `(m,)` expected share of each one's variance that comes back, `MIN_SHARE` to 1.
    """

    used: npt.NDArray[np.intp]
    filled: npt.NDArray[np.intp]
    matrix: FloatArray
    share: FloatArray


class Completer:
    """Finds the completion of a model's channels for any set of them that measured.

    Channels whose place on the head is not known neither help nor are helped. Completions are
    remembered, the newest 32 sets: building one takes about a millisecond.

    Args:
        channels: The model's channels in order.
    """

    def __init__(self, channels: tuple[str, ...]) -> None:
        self._n = len(channels)
        self._placed = np.array([has_place(name) for name in channels], np.bool_)
        self._positions = np.full((self._n, 3), np.nan)
        self._positions[self._placed] = electrode_positions(filter(has_place, channels))
        self._known: dict[bytes, Completion] = {}

    def complete(self, measured: BoolArray) -> Completion:
        """The completion from the channels `measured`, `(n_channels,)`.

        Raises:
            InvalidInputError: another number of channels.
        """
        if measured.shape != (self._n,) or measured.dtype != np.bool_:
            raise InvalidInputError(
                "channels that measured",
                got=f"{measured.dtype} of shape {measured.shape}",
                expected=f"bool of shape ({self._n},)",
            )
        key = measured.tobytes()
        if key not in self._known:
            if len(self._known) == _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = self._build(measured)
        return self._known[key]

    def _build(self, measured: BoolArray) -> Completion:
        used = np.flatnonzero(measured & self._placed)
        wanted = np.flatnonzero(~measured & self._placed)
        if not len(used) or not len(wanted):
            nothing = np.zeros(0, np.intp)
            return Completion(used, nothing, np.zeros((0, len(used))), np.zeros(0))
        known, places = self._positions[used], self._positions[wanted]
        matrix = spherical_spline_matrix(known, places)
        montage = self._positions[self._placed]
        share = recovered_share(known, places, matrix, montage=montage)
        enough = share >= MIN_SHARE
        return Completion(used, wanted[enough], matrix[enough], share[enough])
