"""An open inlet, with stamps of this computer's clock."""

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.clock_offset import ClockOffset
from hadua.adapters.sources.lsl_inlet import OpenInlet
from hadua.adapters.sources.lsl_library import LslInfo
from hadua.models.errors import StreamLostError
from hadua.models.features import FloatArray

_OFFSET_EVERY_S = 2.0


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
        self.offset = ClockOffset()
        self._offset_due_s = 0.0
        self._inlet = OpenInlet(
            info, what=f"LSL stream for {what!r}", buffer_s=buffer_s, timeout_s=timeout_s
        )
        self.info = self._inlet.header
        self.refresh_offset()

    def pull(
        self, timeout_s: float, *, at_most: int
    ) -> tuple[npt.NDArray[np.generic], FloatArray] | None:
        """Samples that are there or come in this time, and their stamps; None: the sender is gone.

        They may be none.
        """
        try:
            x, stamp_s = self._inlet.arrays(timeout_s, at_most=at_most)
        except StreamLostError:
            return None
        return x, stamp_s + self.offset.offset_s

    def refresh_offset(self) -> bool:
        """Take in liblsl's newest measurement if it is time; whether the remote clock was reset."""
        now_s = lsl_now_s()
        if now_s < self._offset_due_s:
            return False
        self._offset_due_s = now_s + _OFFSET_EVERY_S
        known = self._inlet.clock_offset()
        if known is None:
            self.offset.grow_old(now_s)
            return False
        return self.offset.saw(known[0], known[1], now_s=now_s)

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        self._inlet.close()
