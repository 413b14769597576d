"""`/asyncapi.json` is a valid document, and says of every frame what is in it."""

import json
from typing import get_args

import jsonschema_rs
import pytest
from support.frames import check_frame, validators
from support.npm import npm_package
from support.service import Parts, async_test, running

from hadua.service.asyncapi import SPECIFICATION, document, frames
from hadua.service.journal import Kind
from hadua.service.wire import ByeFrame, GapFrame, encode

SPECS = ("@asyncapi/specs", "6.11.1")  # the specification's own schemas, Apache-2.0


def test_it_is_valid_by_the_specifications_own_schema() -> None:
    schema = json.loads((npm_package(*SPECS) / "schemas" / f"{SPECIFICATION}.json").read_text())
    validator = jsonschema_rs.Draft7Validator(schema)
    assert not [f"{e.instance_path}: {e.message}" for e in validator.iter_errors(document())]
    for broken in ({"asyncapi": "2.6.0"}, {"channels": {"a": {"messages": 5}}}, {"nonsense": 1}):
        assert not validator.is_valid({**document(), **broken})


@async_test
async def test_the_service_gives_it_with_its_own_address() -> None:
    async with running(Parts()) as service:
        given = (await service.http.get("/asyncapi.json")).json()
        host = service.url.removeprefix("http://")
    assert given == json.loads(json.dumps(document(host=host)))


def test_every_frame_of_the_contract_is_there() -> None:
    kinds = set(get_args(Kind))
    assert kinds | {"hello", "gap", "bye"} <= set(frames())


def test_every_reference_leads_somewhere() -> None:
    whole = document()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                place: object = whole
                for step in node["$ref"].removeprefix("#/").split("/"):
                    assert isinstance(place, dict)
                    place = place[step]
            for child in node.values():
                walk(child)

    walk(whole)


def test_payloads_are_schemas_of_the_draft_that_asyncapi_means() -> None:
    components = document()["components"]
    assert isinstance(components, dict)
    for schema in components["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
        )


WRONG = [
    ({"seq": "1"}, "is not of type"),
    ({"missed_from": None}, "is not of type"),
    ({"extra": 1}, "Additional properties"),
    ({"type": "telepathy"}, "not in the AsyncAPI document"),
]


@pytest.mark.parametrize(("change", "complaint"), WRONG)
def test_the_check_that_all_tests_use_can_fail(change: dict[str, object], complaint: str) -> None:
    frame = json.loads(encode(GapFrame(missed_from=1, missed_to=2, reason="slow")))
    check_frame(json.dumps(frame))
    with pytest.raises(AssertionError, match=complaint):
        check_frame(json.dumps({**frame, **change}))


def test_a_frame_without_one_of_its_fields_is_not_as_described() -> None:
    frame = json.loads(encode(ByeFrame(reason="")))
    for name in frame:
        without = {key: value for key, value in frame.items() if key != name}
        assert not validators()["bye"].is_valid(without)
