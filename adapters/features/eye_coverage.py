"""How much of a stretch of time something was so, for several things at once."""

from typing import ClassVar

import numpy as np

from hadua.adapters.features.eye_grid import IntArray
from hadua.adapters.state import Fields
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray

# As long as the longest window may be, 60 s, and a little.
_MOST = 16_384
_LEAST = 512


class Coverage:
    """Remembers of each step of the grid which things were so.

    Args:
        things: How many.
    """

    STATE: ClassVar[Fields] = {
        "_remembered": BoolArray,
        "_first_k": int | None,
        "_next_k": int | None,
        "_asked_k": int,
    }

    def __init__(self, things: int = 1) -> None:
        # A row for each thing: what lies side by side is counted fastest.
        self._flags = np.zeros((things, _LEAST), np.bool_)
        self._first_k: int | None = None  # that of the first column
        self._next_k: int | None = None
        self._asked_k = -(2**62)

    def push(self, k: IntArray, flags: BoolArray) -> None:
        """Take steps `k`, the next ones; steps that were left out count as not so.

        Args:
            k: `(n,)` numbers of the steps, rising.
            flags: `(n, things)`.
        """
        if not len(k):
            return
        if self._first_k is None:
            self._first_k = int(k[0])
        self._next_k = int(k[-1]) + 1
        if self._next_k - self._first_k > self._flags.shape[1]:
            self._make_room(self._first_k, self._next_k)
        first, stop = int(k[0]) - self._first_k, self._next_k - self._first_k
        if first >= 0 and stop - first == len(k):  # without a hole
            self._flags[:, first:stop] = flags.T
            return
        at = k - self._first_k
        kept = at >= 0
        self._flags[:, at[kept]] = flags[kept].T

    def share(self, start_k: int, end_k: int, *, tail_steps: int) -> FloatArray:
        """Shares `(things,)` of the steps from `start_k` to `end_k`; forgets older ones.

        Args:
            start_k: First step.
            end_k: Step after the last.
            tail_steps: So many of the newest steps may not have been pushed yet; they do not count.
        """
        self._asked_k = start_k
        if self._next_k is not None and end_k - tail_steps <= self._next_k < end_k:
            end_k = self._next_k
        if self._first_k is None or end_k <= start_k:
            return np.zeros(len(self._flags))
        first, stop = max(0, start_k - self._first_k), max(0, end_k - self._first_k)
        counts = [np.count_nonzero(row[first:stop]) for row in self._flags]
        return np.array(counts) / (end_k - start_k)

    @property
    def _remembered(self) -> BoolArray:
        """`(n, things)`, n as many as were needed so far."""
        return self._flags.T

    @_remembered.setter
    def _remembered(self, flags: BoolArray) -> None:
        fits = flags.ndim == 2 and flags.shape[1] == len(self._flags)
        if not fits or not _LEAST <= len(flags) <= 4 * _MOST:
            raise InvalidInputError(
                "steps that were seen",
                got=f"shape {flags.shape}",
                expected=f"{len(self._flags)} columns and at least {_LEAST} rows",
            )
        self._flags = np.ascontiguousarray(flags.T)

    def _make_room(self, first_k: int, next_k: int) -> None:
        """Forget what is older than the last window, and grow where that does not do."""
        start_k = max(first_k, self._asked_k, next_k - _MOST)
        kept = self._flags[:, start_k - first_k :]
        size = self._flags.shape[1]
        while size < next_k - start_k + _LEAST // 2:
            size *= 2
        flags = np.zeros((len(kept), size), np.bool_)
        flags[:, : kept.shape[1]] = kept
        self._flags, self._first_k = flags, start_k
