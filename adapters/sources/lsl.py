"""A stream of Lab Streaming Layer as a `Source`: nothing here can block for ever."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.clock_offset import ClockOffset
from hadua.adapters.sources.delivery import Delivery, not_open
from hadua.adapters.sources.lsl_discovery import QUERY_KEYS, find
from hadua.adapters.sources.lsl_library import LslInfo, LslInlet, clock_offset, pylsl, within
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.adapters.sources.stream_info import StreamInfo, parse_stream_info
from hadua.adapters.sources.told import NOTHING_TOLD, Told
from hadua.models.errors import StreamLostError, StreamNotFoundError, UsageError
from hadua.models.features import Modality

T = TypeVar("T")

_WARM_UP_S = 1.5
_GRACE_S = 0.25
_CLOSE_S = 2.0
_OFFSET_EVERY_S = 2.0
_CLOCKS_AGREE_S = 1e-3
_MAX_PULL_S = 0.5
_MIN_PULL = 64


class LslSource:
    """Pulls one LSL stream, with our own time stamps: liblsl's dejitter is never used.

    Args:
        query: Any of `name`, `type`, `source_id`, `hostname`; all given must agree.
        description: The SOURCE text it was made from.
        max_buffer_s: What liblsl may hold back before it drops the oldest samples.
        modality: If EEG, an irregular stream is refused whatever its type.
        told: What the operator says about the stream.
    """

    def __init__(
        self,
        query: Mapping[str, str],
        *,
        description: str,
        max_buffer_s: float = 60.0,
        modality: Modality | None = None,
        told: Told = NOTHING_TOLD,
    ) -> None:
        if not query or set(query) - set(QUERY_KEYS) or not all(query.values()):
            raise UsageError(
                f"LSL source {description!r}",
                got=f"{dict(query)}",
                expected=f"one or more of {', '.join(QUERY_KEYS)}, each with a value",
            )
        self._query = dict(query)
        self._description = description
        self._max_buffer_s = max_buffer_s
        self._modality = modality
        self._told = told
        self._inlet: LslInlet | None = None
        self._left_behind: list[LslInlet] = []
        self._delivery: Delivery | None = None
        self._offset = ClockOffset()
        self._offset_due_s = 0.0
        self._max_pull = _MIN_PULL

    @property
    def description(self) -> str:
        """The SOURCE text it was made from."""
        return self._description

    def open(self, timeout_s: float) -> StreamSpec:
        """Find the stream and warm it up, within `timeout_s`; see `Source`.

        The order matters: liblsl's first pull asks for the header, and its first clock offset
        waits for probes, both without the caller's time-out, so all are asked for beforehand.
        """
        self.close()
        deadline_s = time.monotonic() + timeout_s
        found = find(self._query, timeout_s=max(timeout_s - _WARM_UP_S, timeout_s / 2.0))
        self._parse(found)  # before liblsl sets memory aside for a rate that cannot be
        inlet: LslInlet = pylsl().StreamInlet(found, max_buflen=max(int(self._max_buffer_s), 1))
        try:
            self._ask(inlet.open_stream, "its samples", deadline_s)
            full = self._ask(inlet.info, "its description", deadline_s)
            self._ask(inlet.time_correction, "its clock", deadline_s)
            spec = self._accept(full)
        except BaseException:
            self._let_go(inlet)
            raise
        self._inlet, self._offset = inlet, ClockOffset()
        self._refresh_offset(inlet)
        return spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """Wait for a first sample, take all that are there; see `Source`."""
        inlet, delivery = self._inlet, self._delivery
        if inlet is None or delivery is None:
            raise not_open(self._description)
        until_s = time.monotonic() + timeout_s
        while (chunk := delivery.pop()) is None:
            left_s = max(until_s - time.monotonic(), 0.0)
            held_s = delivery.wait_s()
            wait_s = left_s if held_s is None else min(left_s, held_s)
            if not self._pull(inlet, delivery, wait_s) and left_s == 0.0:
                return None
        return chunk

    def _pull(self, inlet: LslInlet, delivery: Delivery, timeout_s: float) -> bool:
        """Pass on what has come, or comes in this time; whether anything did."""
        try:
            x, stamp_s = inlet.pull_chunk(
                timeout=timeout_s, max_samples=self._max_pull, min_samples=1, as_numpy=True
            )
        except pylsl().util.LostError as error:
            raise StreamLostError(
                f"LSL stream {self._description!r} is gone",
                hint="Is the sender still running? Start it again, then the session.",
            ) from error
        if not len(stamp_s):
            return False
        if lsl_now_s() >= self._offset_due_s and self._refresh_offset(inlet):
            delivery.lose()  # the stamps of a clock that was reset say nothing about the old line
        delivery.push(stamp_s + self._offset.offset_s, x)
        return True

    def health(self) -> SourceHealth:
        """Counts, the sender's clock offset and its uncertainty."""
        if self._delivery is None:
            return SourceHealth()
        return self._delivery.health(
            clock_offset_s=self._offset.offset_s, clock_uncertainty_s=self._offset.uncertainty_s
        )

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        inlet, self._inlet = self._inlet, None
        if inlet is not None:
            self._let_go(inlet)

    def _accept(self, full: LslInfo) -> StreamSpec:
        info = self._parse(full)
        notes = info.notes
        if abs(pylsl().local_clock() - lsl_now_s()) > _CLOCKS_AGREE_S:
            notes += ("liblsl's clock on this computer is not the one this program reads",)
        self._delivery = Delivery(info.spec, notes=notes, lag=info.lag)
        self._max_pull = max(_MIN_PULL, int(info.spec.rate_hz * _MAX_PULL_S))
        return info.spec

    def _parse(self, info: LslInfo) -> StreamInfo:
        return parse_stream_info(
            info.as_xml(), regular=self._modality is Modality.EEG, told=self._told
        )

    def _ask(self, call: Callable[[float], T], what: str, deadline_s: float) -> T:
        """One step of the warm-up, with what is left of the time."""
        left_s = max(deadline_s - time.monotonic(), 0.01)
        silent = StreamNotFoundError(
            f"LSL stream for {self._description!r} was found but does not send {what}",
            got=f"no answer within {left_s:.1f} s",
            hint="Is the sender frozen or busy? Does a firewall block TCP and UDP 16572-16604?",
        )
        try:
            return within(left_s + _GRACE_S, lambda: call(left_s), late=silent)
        except (pylsl().util.TimeoutError, pylsl().util.LostError) as error:
            raise silent from error

    def _refresh_offset(self, inlet: LslInlet) -> bool:
        """Take in liblsl's newest measurement; whether the sender's clock was reset."""
        now_s = lsl_now_s()
        self._offset_due_s = now_s + _OFFSET_EVERY_S
        known = clock_offset(inlet)
        if known is None:
            self._offset.grow_old(now_s)
            return False
        return self._offset.saw(known[0], known[1], now_s=now_s)

    def _let_go(self, inlet: LslInlet) -> None:
        late = StreamLostError(f"LSL stream {self._description!r} does not let go")
        try:
            within(_CLOSE_S, inlet.close_stream, late=late)
        except (StreamLostError, RuntimeError):
            self._left_behind.append(inlet)  # its destructor would hang as well: it keeps a name
