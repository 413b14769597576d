"""One LSL stream as it is sent, for recording: raw stamps, and the offsets of its clock."""

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_inlet import OpenInlet
from hadua.adapters.sources.lsl_library import LslInfo
from hadua.models.errors import StreamLostError
from hadua.models.features import FloatArray

OFFSET_EVERY_S = 5.0
_PULL_AT_MOST = 4096
_BUFFER_S = 360


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What came in one pull.

    Args:
        stamp_s: `(n,)` the sender's stamps.
        x: `(n, n_channels)`, or a list of rows of strings.
        offset: When, on the sender's clock, and what is to be added to have ours; None: not due.
    """

    stamp_s: FloatArray
    x: npt.NDArray[np.generic] | list[list[str]]
    offset: tuple[float, float] | None


class LslTake:
    """Pulls one stream; owned by one thread.

    Args:
        info: As it was found.
    """

    def __init__(self, info: LslInfo) -> None:
        self.name = info.name()
        self._info = info
        self._inlet: OpenInlet | None = None
        self._strings = False
        self._offset_due_s = 0.0

    def open(self, timeout_s: float) -> ElementTree.Element:
        """Connect; the stream's own header.

        Raises:
            StreamNotFoundError: it does not answer in time.
        """
        what = f"stream {self.name!r}"
        self._inlet = OpenInlet(self._info, what=what, buffer_s=_BUFFER_S, timeout_s=timeout_s)
        header = ElementTree.fromstring(self._inlet.header.as_xml())
        self._strings = header.findtext("channel_format") == "string"
        return header

    def take(self, timeout_s: float) -> Taken:
        """What has come; waits for something.

        Raises:
            StreamLostError: the sender is gone.
        """
        inlet = self._inlet
        if inlet is None:
            raise StreamLostError(f"stream {self.name!r} is not open")
        rows, stamps = inlet.rows(timeout_s, at_most=_PULL_AT_MOST)
        x = [[str(v) for v in row] for row in rows] if self._strings else np.array(rows)
        return Taken(np.array(stamps, np.float64), x, self._offset(inlet))

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        inlet, self._inlet = self._inlet, None
        if inlet is not None:
            inlet.close()

    def _offset(self, inlet: OpenInlet) -> tuple[float, float] | None:
        now_s = lsl_now_s()
        if now_s < self._offset_due_s:
            return None
        known = inlet.clock_offset()
        if known is None:
            return None
        self._offset_due_s = now_s + OFFSET_EVERY_S
        return now_s - known[0], known[0]
