"""The full headers of the streams on the network: what `list_streams` does not ask for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hadua.adapters.sources.lsl_discovery import StreamSummary, with_sources
from hadua.adapters.sources.lsl_library import LslInfo, LslInlet, pylsl, within
from hadua.adapters.sources.lsl_network import summarise
from hadua.adapters.sources.source import StreamSpec
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.models.errors import HaduaError, StreamNotFoundError

_AT_ONCE = 8
_GRACE_S = 0.25
_left_behind: list[LslInlet] = []  # the destructor of one that hangs would hang as well


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """A stream that was found, and what it says of itself.

    Args:
        summary: As the network announces it.
        spec: The stream; None if it cannot be used.
        notes: Oddities of the header.
        problem: Why it cannot be used; empty if it can.
    """

    summary: StreamSummary
    spec: StreamSpec | None
    notes: tuple[str, ...] = ()
    problem: str = ""


def read_headers(*, search_s: float, answer_s: float) -> list[StreamHeader]:
    """Search for so long, then ask each stream that was found for its header, eight at a time.

    A stream that does not answer, or cannot be a source (markers are text), is in the list with its
    problem.
    """
    infos: list[LslInfo] = list(pylsl().resolve_streams(search_s))
    found = {summarise(info): info for info in infos}
    order = sorted(found, key=lambda s: (s.type, s.name, s.source_id, s.hostname))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        headers = pool.map(lambda s: _read(found[s], answer_s), order)
        return [
            StreamHeader(summary, *header)
            for summary, header in zip(with_sources(order), headers, strict=True)
        ]


def _read(info: LslInfo, answer_s: float) -> tuple[StreamSpec | None, tuple[str, ...], str]:
    late = StreamNotFoundError(
        "it was found but does not say what it sends",
        got=f"no answer within {answer_s:g} s",
        hint="Is the sender frozen? Does a firewall block TCP 16572-16604?",
    )
    inlet: LslInlet = pylsl().StreamInlet(info, max_buflen=1)
    try:
        full = within(answer_s + _GRACE_S, lambda: inlet.info(answer_s), late=late)
        parsed = parse_stream_info(full.as_xml())
    except HaduaError as error:
        if error is late:
            _left_behind.append(inlet)
        return None, (), str(error)
    except (pylsl().util.TimeoutError, pylsl().util.LostError):
        _left_behind.append(inlet)
        return None, (), str(late)
    return parsed.spec, parsed.notes, ""
