"""A stream on the network, in a few words; nothing is imported for it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream as the network announces it, without its description of channels.

    Args:
        name: Stream name.
        type: LSL stream type.
        source_id: The sender's own unique id, or empty.
        hostname: The computer that sends it.
        n_channels: Number of channels.
        rate_hz: Nominal rate; 0 means irregular.
        source: The shortest SOURCE text that means this stream and none of the others.
    """

    name: str
    type: str
    source_id: str
    hostname: str
    n_channels: int
    rate_hz: float
    source: str = ""

    def __str__(self) -> str:
        rate = f"{self.rate_hz:g} Hz" if self.rate_hz else "irregular"
        return (
            f"{self.name!r} (type {self.type!r}, source_id {self.source_id!r}, host "
            f"{self.hostname!r}, {self.n_channels} channels, {rate})"
        )

    def matches(self, query: Mapping[str, str]) -> bool:
        """Whether every key of the query agrees; case does not matter for `type`."""
        return all(
            self.type.lower() == value.lower() if key == "type" else getattr(self, key) == value
            for key, value in query.items()
        )
