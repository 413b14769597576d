"""SOURCE texts, as a live service takes them."""

import re

from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import Source
from hadua.models.features import Modality

_SPEED = re.compile(r",speed=")


def live_source(text: str, *, modality: Modality) -> Source:
    """The source that `text` describes. A file plays in real time unless it names a speed.

    Raises:
        UsageError: an unknown scheme or key, a missing or impossible value.
    """
    source = parse_source(text, modality=modality)  # so that an error quotes what was typed
    if text.startswith("file:") and not _SPEED.search(text):
        return parse_source(f"{text},speed=1", modality=modality)
    return source
