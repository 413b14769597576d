"""An open inlet of one outlet: nothing here can block for ever, and nothing recovers by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.lsl_library import LslInfo, LslInlet, clock_offset, pylsl, within
from hadua.models.errors import StreamLostError, StreamNotFoundError
from hadua.models.features import FloatArray

T = TypeVar("T")

_GRACE_S = 0.25
_CLOSE_S = 2.0

_left_behind: list[LslInlet] = []
"""Inlets that do not let go: their destructors would hang as well, so they keep a name."""


class OpenInlet:
    """Subscribes to an outlet and pulls its samples as they were sent; owned by one thread.

    liblsl would find a sender that comes back by itself, behind a gap that nobody is told of. Here
    such a sender is another stream, with an id of its own, for the caller to find.

    Args:
        info: The outlet, as found.
        what: What to call it in errors, such as `stream 'EEG'`.
        buffer_s: What liblsl may hold back before it drops the oldest samples.
        timeout_s: For all of it.

    Raises:
        StreamNotFoundError: it does not answer in this time.
    """

    def __init__(self, info: LslInfo, *, what: str, buffer_s: float, timeout_s: float) -> None:
        self._what = what
        deadline_s = time.monotonic() + timeout_s
        self._inlet: LslInlet = pylsl().StreamInlet(
            info, max_buflen=max(int(buffer_s), 1), recover=False
        )
        try:
            # In this order: liblsl's first pull asks for the header, and its first clock offset
            # waits for probes, both without the caller's time-out.
            self._ask(self._inlet.open_stream, "its samples", deadline_s)
            self.header = self._ask(self._inlet.info, "its description", deadline_s)
            self._ask(self._inlet.time_correction, "its clock", deadline_s)
        except BaseException:
            self.close()
            raise

    def arrays(
        self, timeout_s: float, *, at_most: int
    ) -> tuple[npt.NDArray[np.generic], FloatArray]:
        """Numbers `(n, n_channels)` that are there or come in this time, and stamps `(n,)`.

        Raises:
            StreamLostError: the sender is gone.
        """
        try:
            return self._inlet.pull_chunk(
                timeout=timeout_s, max_samples=at_most, min_samples=1, as_numpy=True
            )
        except pylsl().util.LostError as error:
            raise StreamLostError(f"{self._what} is gone") from error

    def rows(
        self, timeout_s: float, *, at_most: int
    ) -> tuple[list[list[str | float]], list[float]]:
        """The same as lists, for values of any kind.

        Raises:
            StreamLostError: the sender is gone.
        """
        try:
            return self._inlet.pull_chunk(timeout=timeout_s, max_samples=at_most)
        except pylsl().util.LostError as error:
            raise StreamLostError(f"{self._what} is gone") from error

    def clock_offset(self) -> tuple[float, float | None] | None:
        """What to add to its stamps, and how wrong that may be, as known by now. Never waits."""
        return clock_offset(self._inlet)

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        late = StreamLostError(f"{self._what} does not let go")
        try:
            within(_CLOSE_S, self._inlet.close_stream, late=late)
        except (StreamLostError, RuntimeError):
            _left_behind.append(self._inlet)

    def _ask(self, call: Callable[[float], T], what: str, deadline_s: float) -> T:
        """One step of the warm-up, with what is left of the time."""
        left_s = max(deadline_s - time.monotonic(), 0.01)
        silent = StreamNotFoundError(
            f"{self._what} was found but does not send {what}",
            got=f"no answer within {left_s:.1f} s",
            hint="Is the sender frozen or busy? Does a firewall block TCP and UDP 16572-16604?",
        )
        try:
            return within(left_s + _GRACE_S, lambda: call(left_s), late=silent)
        except (pylsl().util.TimeoutError, pylsl().util.LostError) as error:
            raise silent from error
