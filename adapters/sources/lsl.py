"""A stream of Lab Streaming Layer as a `Source`."""

import time
from collections.abc import Mapping
from dataclasses import replace

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.delivery import Delivery, not_open
from hadua.adapters.sources.lsl_connection import Connection
from hadua.adapters.sources.lsl_discovery import QUERY_KEYS
from hadua.adapters.sources.lsl_library import LslInfo, pylsl
from hadua.adapters.sources.lsl_lookout import Lookout
from hadua.adapters.sources.overflow import BufferWatch
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.adapters.sources.stream_info import StreamInfo, parse_stream_info
from hadua.adapters.sources.told import NOTHING_TOLD, Told
from hadua.models.errors import StreamLostError, StreamSilentError, UsageError
from hadua.models.features import Modality

_WARM_UP_S = 1.5
_AGAIN = 0.15
_CLOCKS_AGREE_S = 1e-3
_MAX_PULL_S = 0.5
_MIN_PULL = 64
_TAKEN_OVER_S = 1.0
_RENEW_AFTER_S, _RENEW_AT_MOST_S = 4.0, 60.0


class LslSource:
    """Pulls one LSL stream, with our own time stamps: liblsl's dejitter is never used.

    Nor is liblsl's recovery: it hides outages, does not look whether what comes back is what went,
    and sometimes never comes back (liblsl#35). Where the sender closes the connection, `read` says
    that the stream is lost, and `open` finds the same one again. A sender that only falls silent
    may go on, and what it sends then is not lost: the connection is kept while it does not answer.
    If it answers and still sends nothing, or another outlet has taken its place, `read` says so.

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
        self._lookout: Lookout | None = None
        self._connection: Connection | None = None
        self._spec: StreamSpec | None = None
        self._delivery: Delivery | None = None
        self._buffer = BufferWatch(max_buffer_s)
        self._lost: StreamLostError | None = None
        self._last_s, self._max_pull = 0.0, _MIN_PULL
        self._more_waits = False  # in liblsl, for all that is known
        self._renew_after_s = _RENEW_AFTER_S

    @property
    def description(self) -> str:
        """The SOURCE text it was made from."""
        return self._description

    def open(self, timeout_s: float) -> StreamSpec:
        """Find the stream, or the same one again, and warm it up, within `timeout_s`."""
        self._disconnect()
        deadline_s = time.monotonic() + timeout_s
        if self._lookout is None:
            self._lookout, self._renew_after_s = Lookout(self._query), _RENEW_AFTER_S
            found = self._lookout.find(max(timeout_s - _WARM_UP_S, timeout_s / 2.0))
        else:
            found = self._lookout.find(_AGAIN * timeout_s)
        self._parse(found)  # before liblsl sets memory aside for a rate that cannot be
        connection = Connection(
            found,
            what=self._description,
            buffer_s=self._max_buffer_s,
            timeout_s=deadline_s - time.monotonic(),
        )
        try:
            spec = self._accept(self._parse(connection.info))
        except BaseException:
            connection.close()
            raise
        self._connection, self._last_s = connection, lsl_now_s()
        return spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """Wait for a first sample, take all that are there; see `Source`."""
        connection, delivery, lookout = self._connection, self._delivery, self._lookout
        if connection is None or delivery is None or lookout is None:
            raise not_open(self._description)
        lookout.look()
        until_s = time.monotonic() + timeout_s
        while (chunk := delivery.pop()) is None:
            if self._lost is not None:
                raise self._lost
            left_s = max(until_s - time.monotonic(), 0.0)
            held_s = delivery.wait_s()
            wait_s = left_s if held_s is None else min(left_s, held_s)
            if not self._pull(connection, delivery, wait_s) and left_s == 0.0:
                self._look_into_silence(lookout)
                return None
        return chunk

    @property
    def rests(self) -> bool:
        """Whether nothing is ready: liblsl keeps what comes until it is pulled."""
        ready = self._more_waits or self._delivery is None or not self._delivery.empty
        return self._lost is None and not ready

    def health(self) -> SourceHealth:
        """Counts, the sender's clock offset and its uncertainty, and who answers for it."""
        connection, delivery, lookout = self._connection, self._delivery, self._lookout
        if delivery is None:
            return SourceHealth()
        offset = connection.offset if connection is not None else None
        health = delivery.health(
            clock_offset_s=offset.offset_s if offset else 0.0,
            clock_uncertainty_s=offset.uncertainty_s if offset else None,
        )
        note = self._buffer.note
        return replace(
            health,
            overflows=self._buffer.overflows,
            answers=connection is not None and lookout is not None and lookout.answers,
            twins=lookout.twins if lookout is not None else 0,
            notes=(*health.notes, note) if note else health.notes,
        )

    def close(self) -> None:
        """Disconnect and forget the stream; waits two seconds at most."""
        if self._lookout is not None:
            self._lookout.close()
        self._lookout = self._spec = None
        self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection, self._lost = self._connection, None, None
        if connection is not None:
            connection.close()

    def _pull(self, connection: Connection, delivery: Delivery, timeout_s: float) -> bool:
        """Pass on what has come, or comes in this time; whether anything did."""
        pulled = connection.pull(timeout_s, at_most=self._max_pull)
        if pulled is None:
            if self._lookout is not None:
                self._lookout.broke_off()
            delivery.flush()
            self._lost = StreamLostError(self._gone("its sender has closed the connection"))
            return False
        x, stamp_s = pulled
        if not len(stamp_s):
            return False
        self._more_waits = len(stamp_s) >= self._max_pull
        self._last_s, self._renew_after_s = lsl_now_s(), _RENEW_AFTER_S
        if connection.refresh_offset():
            delivery.lose()  # the stamps of a clock that was reset say nothing about the old line
        self._buffer.saw(stamp_s, now_s=self._last_s)
        delivery.push(stamp_s, x)
        return True

    def _look_into_silence(self, lookout: Lookout) -> None:
        """Whether to go on waiting for a sender that has not closed the connection."""
        silent_s = lsl_now_s() - self._last_s
        if silent_s > _TAKEN_OVER_S and lookout.twins and not lookout.answers:
            self._lost = StreamSilentError(self._gone("another sender has taken its place"))
        elif silent_s > self._renew_after_s and lookout.answers:
            self._renew_after_s = min(2.0 * self._renew_after_s, _RENEW_AT_MOST_S)
            self._lost = StreamSilentError(self._gone("its sender answers, but sends nothing"))

    def _gone(self, why: str) -> str:
        return f"LSL stream {self._description!r} is gone: {why}"

    def _accept(self, info: StreamInfo) -> StreamSpec:
        notes = info.notes
        if abs(pylsl().local_clock() - lsl_now_s()) > _CLOCKS_AGREE_S:
            notes += ("liblsl's clock on this computer is not the one this program reads",)
        before, spec = self._delivery, info.spec
        if self._spec is not None and before is not None and self._spec == spec:
            self._delivery = Delivery(self._spec, notes=notes, lag=info.lag, goes_on_from=before)
        else:
            self._delivery = Delivery(spec, notes=notes, lag=info.lag)
            self._spec = spec
        self._buffer = BufferWatch(self._max_buffer_s)
        self._more_waits = False
        self._max_pull = max(_MIN_PULL, int(spec.rate_hz * _MAX_PULL_S))
        return self._spec

    def _parse(self, info: LslInfo) -> StreamInfo:
        return parse_stream_info(
            info.as_xml(), regular=self._modality is Modality.EEG, told=self._told
        )
