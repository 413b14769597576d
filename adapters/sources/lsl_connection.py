"""An open inlet of one outlet: nothing here can block for ever, and nothing recovers by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.clock_offset import ClockOffset
from hadua.adapters.sources.lsl_library import LslInfo, LslInlet, clock_offset, pylsl, within
from hadua.models.errors import StreamLostError, StreamNotFoundError
from hadua.models.features import FloatArray

T = TypeVar("T")

_GRACE_S = 0.25
_CLOSE_S = 2.0
_OFFSET_EVERY_S = 2.0

_left_behind: list[LslInlet] = []
"""Inlets that do not let go: their destructors would hang as well, so they keep a name."""


class Connection:
    """Subscribes to an outlet and pulls its samples, with stamps of this computer's clock.

    Args:
        info: The outlet, as found.
        what: What to call it in errors.
        buffer_s: What liblsl may hold back before it drops the oldest samples.
        timeout_s: For all of it.

    Raises:
        StreamNotFoundError: it does not answer in this time.
    """

    def __init__(self, info: LslInfo, *, what: str, buffer_s: float, timeout_s: float) -> None:
        self._what = what
        self.offset = ClockOffset()
        self._offset_due_s = 0.0
        deadline_s = time.monotonic() + timeout_s
        self._inlet: LslInlet = pylsl().StreamInlet(
            info, max_buflen=max(int(buffer_s), 1), recover=False
        )
        try:
            # In this order: liblsl's first pull asks for the header, and its first clock offset
            # waits for probes, both without the caller's time-out.
            self._ask(self._inlet.open_stream, "its samples", deadline_s)
            self.info = self._ask(self._inlet.info, "its description", deadline_s)
            self._ask(self._inlet.time_correction, "its clock", deadline_s)
        except BaseException:
            self.close()
            raise
        self.refresh_offset()

    def pull(
        self, timeout_s: float, *, at_most: int
    ) -> tuple[npt.NDArray[np.generic], FloatArray] | None:
        """Samples that are there or come in this time, and their stamps; None: the sender is gone.

        They may be none.
        """
        try:
            x, stamp_s = self._inlet.pull_chunk(
                timeout=timeout_s, max_samples=at_most, min_samples=1, as_numpy=True
            )
        except pylsl().util.LostError:
            return None
        return x, stamp_s + self.offset.offset_s

    def refresh_offset(self) -> bool:
        """Take in liblsl's newest measurement if it is time; whether the remote clock was reset."""
        now_s = lsl_now_s()
        if now_s < self._offset_due_s:
            return False
        self._offset_due_s = now_s + _OFFSET_EVERY_S
        known = clock_offset(self._inlet)
        if known is None:
            self.offset.grow_old(now_s)
            return False
        return self.offset.saw(known[0], known[1], now_s=now_s)

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        late = StreamLostError(f"LSL stream {self._what!r} does not let go")
        try:
            within(_CLOSE_S, self._inlet.close_stream, late=late)
        except (StreamLostError, RuntimeError):
            _left_behind.append(self._inlet)

    def _ask(self, call: Callable[[float], T], what: str, deadline_s: float) -> T:
        """One step of the warm-up, with what is left of the time."""
        left_s = max(deadline_s - time.monotonic(), 0.01)
        silent = StreamNotFoundError(
            f"LSL stream for {self._what!r} was found but does not send {what}",
            got=f"no answer within {left_s:.1f} s",
            hint="Is the sender frozen or busy? Does a firewall block TCP and UDP 16572-16604?",
        )
        try:
            return within(left_s + _GRACE_S, lambda: call(left_s), late=silent)
        except (pylsl().util.TimeoutError, pylsl().util.LostError) as error:
            raise silent from error
