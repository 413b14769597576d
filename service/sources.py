"""SOURCE texts, as a live service takes them."""

import re

from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import Source
from hadua.models.features import Modality

_LIVE = ("lsl:", "fieldtrip:")
_LAG = re.compile(r",lag_ms=")
_SPEED = re.compile(r",speed=")


def live_source(text: str, *, modality: Modality, lag_ms: float | None = None) -> Source:
    """The source that `text` describes. A file plays in real time unless it names a speed.

    Args:
        text: SOURCE.
        modality: What it is for.
        lag_ms: Lag of a live device, where the text does not say.

    Raises:
        UsageError: an unknown scheme or key, a missing or impossible value.
    """
    source = parse_source(text, modality=modality)  # so that an error quotes what was typed
    if text.startswith("file:") and not _SPEED.search(text):
        return parse_source(f"{text},speed=1", modality=modality)
    if lag_ms is not None and text.startswith(_LIVE) and not _LAG.search(text):
        return parse_source(f"{text},lag_ms={lag_ms:g}", modality=modality)
    return source
