"""Marker streams of Lab Streaming Layer: found by query, read as texts on our clock."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.lsl_discovery import QUERY_KEYS
from hadua.adapters.sources.lsl_inlet import OpenInlet
from hadua.adapters.sources.lsl_library import LslInfo
from hadua.adapters.sources.lsl_network import Hearing
from hadua.adapters.sources.lsl_outlet import OURS
from hadua.adapters.sources.source import Marker
from hadua.models.errors import StreamLostError, UsageError

Query = Mapping[str, str]
Value = str | float

NO_MARKER = (-1.0, 0.0)
"""What a stream of a constant rate sends while there is no marker; -1 is actiCHamp's."""

_OFFSET_EVERY_S = 2.0
_BUFFER_S = 360
_PULL_AT_MOST = 256


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
        self._hearing = Hearing()

    def found(self) -> dict[str, LslInfo]:
        """The streams that there are now, by their outlets' unique ids."""
        return {
            outlet.uid: outlet.info
            for outlet in self._hearing.outlets()
            if (self._ours or not outlet.summary.source_id.startswith(OURS))
            and any(outlet.summary.matches(query) for query in self._queries)
        }


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
        self._inlet: OpenInlet | None = None
        self._offset_due_s = 0.0
        self._last = ""

    def open(self, timeout_s: float) -> None:
        """Connect.

        Raises:
            StreamNotFoundError: it does not answer in time.
        """
        what = f"marker stream {self.name!r}"
        self._inlet = OpenInlet(self._info, what=what, buffer_s=_BUFFER_S, timeout_s=timeout_s)
        self._refresh_clock(self._inlet)

    def read(self, timeout_s: float) -> list[Marker]:
        """The markers that have come, in order; waits for some.

        Raises:
            StreamLostError: the sender is gone.
        """
        inlet = self._inlet
        if inlet is None:
            raise StreamLostError(f"marker stream {self.name!r} is not open")
        rows, stamps_s = inlet.rows(timeout_s, at_most=_PULL_AT_MOST)
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
            inlet.close()

    def _text(self, row: Sequence[Value]) -> str:
        """The marker of a sample; empty if there is none. A constant rate repeats it: once."""
        text = marker_text(row, nothing=NO_MARKER if self._regular else NO_MARKER[:1])
        repeated = self._regular and text == self._last
        self._last = text
        return "" if repeated else text

    def _refresh_clock(self, inlet: OpenInlet) -> None:
        self._offset_due_s = lsl_now_s() + _OFFSET_EVERY_S
        known = inlet.clock_offset()
        if known is not None:
            self.clock = MarkerClock(*known)


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
