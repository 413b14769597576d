"""Frames as `/asyncapi.json` describes them: what it does not name, may not be there."""

import functools
import json
from collections.abc import Mapping

import jsonschema_rs

from hadua.service.asyncapi import document, frames


def check_frame(text: str | bytes) -> None:
    """Fail on a frame that is not as the AsyncAPI document says; other texts are not looked at."""
    frame = json.loads(text)
    if isinstance(frame, dict) and frame.get("v") == 1 and "type" in frame:
        kind = frame["type"]
        assert kind in validators(), f"frames of type {kind!r} are not in the AsyncAPI document"
        faults = [
            f"{'.'.join(map(str, fault.instance_path))}: {fault.message}"
            for fault in validators()[kind].iter_errors(frame)
        ]
        assert not faults, f"a {kind} frame that the AsyncAPI document does not describe: {faults}"


@functools.cache
def validators() -> Mapping[str, jsonschema_rs.Draft7Validator]:
    """A validator per type of frame."""
    components = document()["components"]
    assert isinstance(components, dict)
    strict = {"schemas": {k: _closed(v) for k, v in components["schemas"].items()}}
    return {
        kind: jsonschema_rs.Draft7Validator(
            {"$ref": components["messages"][kind]["payload"]["$ref"], "components": strict}
        )
        for kind in frames()
    }


def _closed(schema: dict[str, object]) -> dict[str, object]:
    return {**schema, "additionalProperties": False} if "properties" in schema else schema
