"""By what a device, and what was made of its channels, are known again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from hadua.adapters.sources.source import StreamSpec
from hadua.models.features import Modality

# What of a report is the mapping itself; summaries and notes are words about it.
_MAPPED = (
    *("needed", "found", "interpolated", "missing", "unused", "layout"),
    *("used", "assumed", "refused"),
)


@dataclass(frozen=True, slots=True)
class MappingIdentity:
    """Two short digests.

    Args:
        device: Of who sends: name, type, source_id, computer, and what it is taken for.
        key: Of that, the labels, units and rate, and what was mapped to what.
    """

    device: str
    key: str


def mapping_identity(
    stream: StreamSpec, report: Mapping[str, object], *, modality: Modality
) -> MappingIdentity:
    """Identify a device's mapping.

    Args:
        stream: The stream.
        report: Its mapping report as plain values.
        modality: What the stream is taken for.
    """
    sender = [str(modality), stream.name, stream.type, stream.source_id, stream.fact("hostname")]
    channels = [[c.label, c.kind, c.unit, c.eye] for c in stream.channels]
    mapped = {name: report[name] for name in _MAPPED if name in report}
    return MappingIdentity(_digest(sender), _digest([sender, channels, stream.rate_hz, mapped]))


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
