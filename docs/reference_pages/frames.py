"""The page of the WebSocket's frames, from the AsyncAPI document."""

from collections.abc import Mapping

import msgspec

from reference_pages.rest import Components
from reference_pages.schema import Field, cell, fields, kind, shapes


class Message(msgspec.Struct, frozen=True):
    """One type of frame."""

    name: str
    summary: str
    payload: Field


class Binding(msgspec.Struct, frozen=True):
    """How a WebSocket is opened."""

    query: Field


class Bindings(msgspec.Struct, frozen=True):
    """Bindings by protocol."""

    ws: Binding


class Channel(msgspec.Struct, frozen=True):
    """One address."""

    address: str
    summary: str
    description: str
    bindings: Bindings


class Parts(Components, frozen=True):
    """Messages and shapes by their name."""

    messages: dict[str, Message]


class Document(msgspec.Struct, frozen=True):
    """As much of an AsyncAPI document as the page tells."""

    channels: dict[str, Channel]
    components: Parts


def frames_page(asyncapi: Mapping[str, object]) -> str:
    """Every address, its query, and every frame that comes."""
    document = msgspec.convert(asyncapi, Document)
    schemas = dict(document.components.schemas)
    framed = [_message(m, schemas) for m in document.components.messages.values()]
    closes = next(iter(document.channels.values())).description
    return "\n\n".join(
        [
            "# WebSocket frames",
            f"Made from `/asyncapi.json`. {closes}",
            "## Addresses",
            *map(_channel, document.channels.values()),
            "## Frames",
            *framed,
            "## Shapes",
            shapes(schemas),
        ]
    )


def _channel(channel: Channel) -> str:
    rows = [
        f"| `{name}` | {kind(field)} | {cell(field.description)} |"
        for name, field in channel.bindings.ws.query.properties.items()
    ]
    table = "\n".join(["| query | kind | |", "|---|---|---|", *rows])
    return f"### `{channel.address}`\n\n{channel.summary}\n\n{table}"


def _message(message: Message, schemas: dict[str, Field]) -> str:
    """The frame's section; its shape is told here and nowhere else."""
    name = (message.payload.ref or "").rpartition("/")[2]
    table = fields(schemas.pop(name))
    return f"### {name}\n\n`type` is `{message.name}`. {message.summary}\n\n{table}"
