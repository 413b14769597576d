"""JSON schemas of the structs that the service sends, as both its documents show them."""

import inspect
from collections.abc import Iterable

import msgspec

REF = "#/components/schemas/{name}"
Schema = dict[str, object]
_MAY_LEAVE_OUT = frozenset({"Problem"})  # omits what it has nothing to say on


def reference(shape: type) -> Schema:
    """A reference to a struct's schema."""
    return {"$ref": REF.format(name=shape.__name__)}


def components(shapes: Iterable[type]) -> dict[str, Schema]:
    """The schemas of these structs and of all that they consist of, by name."""
    _, found = msgspec.json.schema_components(
        sorted(shapes, key=lambda shape: shape.__name__), schema_hook=_anything, ref_template=REF
    )
    return {name: _as_sent(schema) for name, schema in found.items()}


def summary(shape: type) -> str:
    """The first line of what a struct says of itself."""
    return (shape.__doc__ or shape.__name__).partition("\n")[0]


def _as_sent(schema: Schema) -> Schema:
    """What is sent carries every field, those with a default too."""
    changed = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, dict) and schema["title"] not in _MAY_LEAVE_OUT:
        changed["required"] = list(properties)
    if isinstance(schema.get("description"), str):
        changed["description"] = inspect.cleandoc(str(schema["description"]))
    return changed


def _anything(kind: type) -> Schema:
    if kind is object:
        return {"description": "Any value."}
    raise NotImplementedError(kind)
