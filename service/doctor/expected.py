"""Whether every stream that a session is to have is there, and is what it is to be."""

from collections.abc import Iterator, Sequence

from hadua.adapters.sources.lsl_markers import parse_markers
from hadua.adapters.sources.stream_summary import StreamSummary
from hadua.models.errors import UsageError
from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.visit import Measured, Visit
from hadua.service.wanted import Wanted
from hadua.service.watch import StreamState

_GONE = "Is its cable in, its battery charged, its program still streaming? It is looked for."
_SLOW_SHARE = 0.1


def look_at_expected(visit: Visit) -> Sequence[Finding]:
    """Compare with `expect`, and look for markers."""
    findings = [f for stream in visit.measured for f in _stream(stream)]
    for wanted in visit.wanted:
        if wanted.modality is None:
            findings.append(_markers(visit, wanted))
    named = any(w.expected for w in visit.wanted)
    nothing = "nothing to compare: see the streams" if named else "the settings name none"
    return findings or [Finding("expected", State.OK, "expected streams", nothing)]


def _stream(stream: Measured) -> Iterator[Finding]:
    if stream.spec is None:
        return  # said among the streams
    if stream.state is not None and (stream.state.gone or stream.state is StreamState.CHANGED):
        yield _gone(stream)
    if stream.expected is None:
        return
    wrong = list(stream.expected.differs(stream.spec))
    for found, fix in wrong:
        yield Finding("expected", stream.bad(), stream.called, found, fix)
    if not wrong:
        yield Finding("expected", State.OK, stream.called, f"as expected: {stream.expected}")


def _gone(stream: Measured) -> Finding:
    if stream.state is StreamState.CHANGED:
        fix = "Start the session again if that is meant; else bring the device's program back."
        return Finding("expected", State.WARNING, stream.called, stream.error, fix)
    since = "" if stream.age_s is None else f" for {stream.age_s:.1f} s"
    word = "lost" if stream.state is StreamState.LOST else "stale"
    found = f"{word}: no samples{since}"
    return Finding("expected", stream.bad(), stream.called, found, _GONE)


def _markers(visit: Visit, wanted: Wanted) -> Finding:
    bad = State.PROBLEM if wanted.required else State.WARNING
    if not visit.request.network:
        return Finding("expected", State.NOTE, wanted.text, "left out: --no-network")
    try:
        found = markers_of(wanted.text, visit.listed)
    except UsageError as error:
        fix = error.hint or "Correct it: docs/lsl.md says how it is written."
        return Finding("expected", bad, wanted.text, str(error), fix)
    if not found:
        fix = "Start the program that sends the markers; they are taken in whenever it comes."
        return Finding("expected", bad, wanted.text, "no such marker stream", fix)
    names = ", ".join(repr(s.name) for s in found)
    return Finding("expected", State.OK, wanted.text, f"there: {names}")


def markers_of(text: str, listed: Sequence[StreamSummary]) -> list[StreamSummary]:
    """The streams that a text of markers means.

    Raises:
        UsageError: it means none.
    """
    query = parse_markers(text)
    return [s for s in listed if s.matches(query)]
