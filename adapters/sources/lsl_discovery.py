"""Which streams are on the network, and which one a query means."""

import re
import time
from collections.abc import Mapping, Sequence

from hadua.adapters.sources.lsl_library import pylsl
from hadua.adapters.sources.lsl_network import Hearing, Outlet, summarise
from hadua.adapters.sources.lsl_outlet import OURS
from hadua.adapters.sources.stream_summary import StreamSummary as StreamSummary
from hadua.models.errors import StreamAmbiguousError, StreamNotFoundError

QUERY_KEYS = ("name", "type", "source_id", "hostname")
POLL_S = 0.02
_SETTLE_S = 0.8
"""liblsl asks by multicast first, which may reach one sender of a machine only, and each port by
itself half a second later: a second stream may take that long to answer."""


def list_streams(timeout_s: float) -> list[StreamSummary]:
    """All streams that answer within `timeout_s`; on a local network half a second is enough."""
    found = [summarise(info) for info in pylsl().resolve_streams(timeout_s)]
    return with_sources(sorted(found, key=lambda s: (s.type, s.name, s.source_id, s.hostname)))


def with_sources(found: Sequence[StreamSummary]) -> list[StreamSummary]:
    """The same streams, each with the SOURCE text that picks it out of these."""
    return [
        StreamSummary(
            s.name, s.type, s.source_id, s.hostname, s.n_channels, s.rate_hz, _source(s, found)
        )
        for s in found
    ]


def source_text(query: Mapping[str, str]) -> str:
    """The SOURCE text of a query: `lsl:name=Muse,type=EEG`."""
    return "lsl:" + ",".join(f"{key}={value}" for key, value in query.items())


def find(query: Mapping[str, str], *, network: Hearing, timeout_s: float) -> Outlet:
    """Wait for the one stream that the query means.

    After the first hit it waits a little more, so that a second one has time to answer.

    Raises:
        StreamNotFoundError: none within the time; the error names those that are there.
        StreamAmbiguousError: several; the error says how to pick each.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (hits := network.outlets(query, old_s=POLL_S)):
        if time.monotonic() >= deadline_s:
            raise not_found(query, network.outlets(old_s=POLL_S), timeout_s)
        time.sleep(POLL_S)
    settled_s = min(time.monotonic() + _SETTLE_S, deadline_s)
    while len(hits) == 1 and time.monotonic() < settled_s:
        time.sleep(POLL_S)
        hits = network.outlets(query, old_s=POLL_S) or hits
    if len(hits) > 1:
        raise ambiguous(query, hits)
    return hits[0]


def _source(stream: StreamSummary, among: Sequence[StreamSummary]) -> str:
    """The shortest text for this stream; empty if another one cannot be told from it."""
    query: dict[str, str] = {}
    for key in QUERY_KEYS:
        value = getattr(stream, key)
        if not value or re.search(r",\w+=", value):
            continue
        narrower = {**query, key: value}
        if not query or _count(narrower, among) < _count(query, among):
            query = narrower
        if _count(query, among) == 1:
            return source_text(query)
    return source_text(query) if query and _count(query, among) == 1 else ""


def _count(query: Mapping[str, str], among: Sequence[StreamSummary]) -> int:
    return sum(s.matches(query) for s in among)


def not_found(
    query: Mapping[str, str], there: Sequence[Outlet], timeout_s: float
) -> StreamNotFoundError:
    """The error for a query that nothing answers."""
    streams = (outlet.summary for outlet in there)
    # Nobody looks for what a session sends, and the one that waits for its streams sends already.
    visible = sorted({str(s) for s in streams if not s.source_id.startswith(OURS)})
    return StreamNotFoundError(
        f"no LSL stream for {source_text(query)!r} within {timeout_s:g} s",
        got="; ".join(visible) if visible else "no stream at all",
        hint="Is the sender running and is its stream started? If it is on another computer: "
        "allow it through the firewall (UDP 16571, TCP and UDP 16572-16604), list it under "
        "KnownPeers in lsl_api.cfg where multicast does not pass, and use the same SessionID. "
        "`hadua doctor` looks at all of that.",
    )


def ambiguous(query: Mapping[str, str], hits: Sequence[Outlet]) -> StreamAmbiguousError:
    """The error for a query that several answer."""
    choices = with_sources([outlet.summary for outlet in hits])
    alike = any(not choice.source for choice in choices)
    return StreamAmbiguousError(
        f"{len(choices)} LSL streams for {source_text(query)!r}",
        got="; ".join(
            f"{choice}: {choice.source!r}" if choice.source else f"{choice}" for choice in choices
        ),
        expected="one",
        hint="Some of them cannot be told apart: give one another source_id in its sender, or "
        "stop it."
        if alike
        else "Use one of the quoted SOURCE texts.",
    )
