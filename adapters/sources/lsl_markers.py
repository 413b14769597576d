"""Marker streams of Lab Streaming Layer: found by query, read as texts on our clock."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_discovery import QUERY_KEYS, summarise
from hadua.adapters.sources.lsl_library import (
    LslInfo,
    LslInlet,
    LslResolver,
    clock_offset,
    pylsl,
    within,
)
from hadua.adapters.sources.lsl_outlet import OURS
from hadua.adapters.sources.source import Marker
from hadua.models.errors import StreamLostError, StreamNotFoundError, UsageError

Query = Mapping[str, str]
Value = str | float
T = TypeVar("T")

NO_MARKER = (-1.0, 0.0)
"""What a stream of a constant rate sends while there is no marker; -1 is actiCHamp's."""

_OFFSET_EVERY_S = 2.0
_GRACE_S = 0.25
_CLOSE_S = 2.0
_PULL_AT_MOST = 256


class _Inlet(LslInlet, Protocol):
    """`pylsl.StreamInlet` for values of any kind."""

    def pull_chunk(  # type: ignore[override]
        self, *, timeout: float, max_samples: int
    ) -> tuple[list[list[Value]], list[float]]:
        """Samples and their stamps, as lists."""
        ...


@dataclass(frozen=True, slots=True)
class MarkerClock:
    """How far the sender's clock is from ours.

    Args:
        offset_s: Added to its stamps.
        uncertainty_s: How wrong that may be, where it is known.
    """

    offset_s: float = 0.0
    uncertainty_s: float | None = None


class MarkerFinder:
    """Follows which streams there are; made and asked in one thread.

    Args:
        queries: A stream that answers to any of them is wanted.
        ours: Those that a service sends, too.
    """

    def __init__(self, queries: Sequence[Query], *, ours: bool = False) -> None:
        self._ours = ours
        self._queries = tuple(queries)
        self._resolver: LslResolver = pylsl().ContinuousResolver()

    def found(self) -> dict[str, LslInfo]:
        """The streams that there are now, by their outlets' unique ids."""
        wanted: dict[str, LslInfo] = {}
        for info in self._resolver.results():
            summary = summarise(info)
            ours = summary.source_id.startswith(OURS)
            if (self._ours or not ours) and any(summary.matches(query) for query in self._queries):
                wanted[info.uid()] = info
        return wanted


class MarkerInlet:
    """Reads one marker stream; owned by one thread.

    Args:
        info: As it was found.
    """

    def __init__(self, info: LslInfo) -> None:
        self.name = info.name()
        self.clock = MarkerClock()
        self._info = info
        self._regular = info.nominal_srate() > 0.0
        self._inlet: _Inlet | None = None
        self._left_behind: list[_Inlet] = []
        self._offset_due_s = 0.0
        self._last = ""

    def open(self, timeout_s: float) -> None:
        """Connect; the first pull and the first clock offset would wait without a bound.

        Raises:
            StreamNotFoundError: it does not answer in time.
        """
        deadline_s = time.monotonic() + timeout_s
        # A sender that comes back has a new id and is found again: no recovery behind our back.
        inlet: _Inlet = pylsl().StreamInlet(self._info, recover=False)
        try:
            self._ask(inlet.open_stream, deadline_s)
            self._ask(inlet.info, deadline_s)
            self._ask(inlet.time_correction, deadline_s)
        except BaseException:
            self._let_go(inlet)
            raise
        self._inlet = inlet
        self._refresh_clock(inlet)

    def read(self, timeout_s: float) -> list[Marker]:
        """The markers that have come, in order; waits for some.

        Raises:
            StreamLostError: the sender is gone.
        """
        inlet = self._inlet
        if inlet is None:
            raise StreamLostError(f"marker stream {self.name!r} is not open")
        try:
            rows, stamps_s = inlet.pull_chunk(timeout=timeout_s, max_samples=_PULL_AT_MOST)
        except pylsl().util.LostError as error:
            raise StreamLostError(f"marker stream {self.name!r} is gone") from error
        if lsl_now_s() >= self._offset_due_s:
            self._refresh_clock(inlet)
        offset_s = self.clock.offset_s
        texts = [self._text(row) for row in rows]
        return [
            Marker(stamp_s + offset_s, text, self.name)
            for stamp_s, text in zip(stamps_s, texts, strict=True)
            if text
        ]

    def close(self) -> None:
        """Disconnect; waits two seconds at most."""
        inlet, self._inlet = self._inlet, None
        if inlet is not None:
            self._let_go(inlet)

    def _text(self, row: Sequence[Value]) -> str:
        """The marker of a sample; empty if there is none. A constant rate repeats it: once."""
        text = marker_text(row, nothing=NO_MARKER if self._regular else NO_MARKER[:1])
        repeated = self._regular and text == self._last
        self._last = text
        return "" if repeated else text

    def _ask(self, call: Callable[[float], T], deadline_s: float) -> T:
        left_s = max(deadline_s - time.monotonic(), 0.01)
        silent = StreamNotFoundError(
            f"marker stream {self.name!r} was found but does not answer",
            got=f"nothing within {left_s:.1f} s",
            hint="Is the sender frozen? Does a firewall block TCP and UDP 16572-16604?",
        )
        try:
            return within(left_s + _GRACE_S, lambda: call(left_s), late=silent)
        except (pylsl().util.TimeoutError, pylsl().util.LostError) as error:
            raise silent from error

    def _refresh_clock(self, inlet: _Inlet) -> None:
        self._offset_due_s = lsl_now_s() + _OFFSET_EVERY_S
        known = clock_offset(inlet)
        if known is not None:
            self.clock = MarkerClock(*known)

    def _let_go(self, inlet: _Inlet) -> None:
        late = StreamLostError(f"marker stream {self.name!r} does not let go")
        try:
            within(_CLOSE_S, inlet.close_stream, late=late)
        except (StreamLostError, RuntimeError):
            self._left_behind.append(inlet)  # its destructor would hang as well: it keeps a name


def marker_text(row: Sequence[Value], *, nothing: Sequence[float] = NO_MARKER[:1]) -> str:
    """One text for a sample: that of its one marker, or a JSON list of several.

    Args:
        row: Values of all channels: strings, or numbers.
        nothing: Numbers that stand for no marker; NaN and an empty string always do.
    """
    said = [text for value in row if (text := _value_text(value, nothing))]
    if len(said) <= 1:
        return said[0] if said else ""
    return json.dumps(said, ensure_ascii=False)


def parse_markers(text: str) -> Query:
    """The query of a text like `lsl:type=Markers,name=PsychoPy`.

    Raises:
        UsageError: another scheme, no key, or one that is not known.
    """
    scheme, _, rest = text.partition(":")
    parts = [part.partition("=") for part in rest.split(",")] if rest else []
    known = all(equals and value and key in QUERY_KEYS for key, equals, value in parts)
    if scheme != "lsl" or not parts or not known:
        raise UsageError(
            f"markers {text!r}",
            expected=f"lsl:KEY=VALUE with KEY one of {', '.join(QUERY_KEYS)}, as in "
            "lsl:type=Markers",
        )
    return {key: value for key, _, value in parts}


def _value_text(value: Value, nothing: Sequence[float]) -> str:
    if isinstance(value, str):
        return value.strip()
    if math.isnan(value) or value in nothing:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(value)
