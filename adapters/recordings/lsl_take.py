"""One LSL stream as it is sent, for recording: raw stamps, and the offsets of its clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_library import LslInfo, LslInlet, clock_offset, pylsl, within
from hadua.models.errors import StreamLostError, StreamNotFoundError
from hadua.models.features import FloatArray

T = TypeVar("T")

OFFSET_EVERY_S = 5.0
_GRACE_S = 0.25
_CLOSE_S = 2.0
_PULL_AT_MOST = 4096
_BUFFER_S = 360


class _Inlet(LslInlet, Protocol):
    """`pylsl.StreamInlet` for values of any kind."""

    def pull_chunk(  # type: ignore[override]
        self, *, timeout: float, max_samples: int
    ) -> tuple[list[list[str]] | list[list[float]], list[float]]:
        """Samples and their stamps, as lists."""
        ...


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
        self._inlet: _Inlet | None = None
        self._left_behind: list[_Inlet] = []
        self._strings = False
        self._offset_due_s = 0.0

    def open(self, timeout_s: float) -> ElementTree.Element:
        """Connect; the stream's own header.

        Raises:
            StreamNotFoundError: it does not answer in time.
        """
        deadline_s = time.monotonic() + timeout_s
        # A sender that comes back has a new id, and becomes a stream of its own in the file.
        inlet: _Inlet = pylsl().StreamInlet(self._info, max_buflen=_BUFFER_S, recover=False)
        try:
            self._ask(inlet.open_stream, deadline_s)
            full = self._ask(inlet.info, deadline_s)
            self._ask(inlet.time_correction, deadline_s)
        except BaseException:
            self._let_go(inlet)
            raise
        self._inlet = inlet
        header = ElementTree.fromstring(full.as_xml())
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
        try:
            rows, stamps = inlet.pull_chunk(timeout=timeout_s, max_samples=_PULL_AT_MOST)
        except pylsl().util.LostError as error:
            raise StreamLostError(f"stream {self.name!r} is gone") from error
        x = [[str(v) for v in row] for row in rows] if self._strings else np.array(rows)
        return Taken(np.array(stamps, np.float64), x, self._offset(inlet))

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        inlet, self._inlet = self._inlet, None
        if inlet is not None:
            self._let_go(inlet)

    def _offset(self, inlet: _Inlet) -> tuple[float, float] | None:
        now_s = lsl_now_s()
        if now_s < self._offset_due_s:
            return None
        known = clock_offset(inlet)
        if known is None:
            return None
        self._offset_due_s = now_s + OFFSET_EVERY_S
        return now_s - known[0], known[0]

    def _ask(self, call: Callable[[float], T], deadline_s: float) -> T:
        left_s = max(deadline_s - time.monotonic(), 0.01)
        silent = StreamNotFoundError(
            f"stream {self.name!r} was found but does not answer",
            got=f"nothing within {left_s:.1f} s",
            hint="Is the sender frozen? Does a firewall block TCP and UDP 16572-16604?",
        )
        try:
            return within(left_s + _GRACE_S, lambda: call(left_s), late=silent)
        except (pylsl().util.TimeoutError, pylsl().util.LostError) as error:
            raise silent from error

    def _let_go(self, inlet: _Inlet) -> None:
        late = StreamLostError(f"stream {self.name!r} does not let go")
        try:
            within(_CLOSE_S, inlet.close_stream, late=late)
        except (StreamLostError, RuntimeError):
            self._left_behind.append(inlet)  # its destructor would hang as well: it keeps a name
