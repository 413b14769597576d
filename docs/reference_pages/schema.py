"""JSON schemas as tables."""

from collections.abc import Mapping

import msgspec


class Field(msgspec.Struct, frozen=True):
    """A schema, as far as the pages tell it."""

    type: str | None = None
    ref: str | None = msgspec.field(default=None, name="$ref")
    description: str = ""
    enum: tuple[object, ...] = ()
    any_of: tuple["Field", ...] = msgspec.field(default=(), name="anyOf")
    all_of: tuple["Field", ...] = msgspec.field(default=(), name="allOf")
    items: "Field | bool | None" = None
    prefix_items: tuple["Field", ...] = msgspec.field(default=(), name="prefixItems")
    additional: "Field | bool | None" = msgspec.field(default=None, name="additionalProperties")
    properties: dict[str, "Field"] = msgspec.field(default_factory=dict)
    required: tuple[str, ...] = ()


def fields(schema: Field) -> str:
    """A table of an object's fields."""
    rows = ["| field | kind | |", "|---|---|---|"]
    for name, field in schema.properties.items():
        needed = "" if name in schema.required else "may be left out. "
        rows.append(f"| `{name}` | {kind(field)} | {needed}{cell(field.description)} |")
    return "\n".join(rows)


def shapes(schemas: Mapping[str, Field]) -> str:
    """A section for each shape: what it is, and its fields."""
    return "\n\n".join(
        f"### {name}\n\n{schema.description}\n\n"
        + (fields(schema) if schema.properties else kind(schema))
        for name, schema in sorted(schemas.items())
    )


def kind(field: Field) -> str:
    """What a field may be, in a word or two."""
    if field.ref is not None:
        name = field.ref.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if field.any_of or field.all_of:
        return " or ".join(kind(each) for each in (*field.any_of, *field.all_of))
    if field.enum:
        return ", ".join(f"`{value}`" for value in field.enum)
    if field.type == "array":
        return f"list of {kind(field.items)}" if isinstance(field.items, Field) else "list"
    if field.type == "object" and isinstance(field.additional, Field):
        return f"object of {kind(field.additional)}"
    return field.type or "any value"


def cell(text: str) -> str:
    """A text as it may stand in a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")
