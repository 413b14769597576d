"""A mapping that a person has confirmed, as it is kept and shown."""

import msgspec


class ConfirmedMapping(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping that was confirmed, and when (Unix seconds)."""

    key: str
    device: str
    modality: str
    stream: str
    title: str
    summary: str
    confirmed_unix_s: float
