"""`/asyncapi.json`: every frame of the WebSocket, described from the structs that are sent."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from starlette.responses import Response

from hadua.service import schemas
from hadua.service.rest import answer
from hadua.service.schemas import Schema
from hadua.service.subscription import AllSessions, OneSession
from hadua.service.wire import Frame

SPECIFICATION = "3.0.0"
CLOSES = """
The service closes with 1001 when it stops (after a `bye`), 1008 when a client sends too much, 1009
when a message is too long, 1011 when pings are not answered, 1013 when the client is too slow or
one too many (come again, with `after_seq`), 4404 when there is no such session, 4422 when the query
cannot be. Nothing is expected from a client.
"""

router = APIRouter()


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi(request: Request) -> Response:
    """The AsyncAPI document."""
    secure = request.url.scheme == "https"
    return answer(document(host=request.url.netloc, protocol="wss" if secure else "ws"))


def document(*, host: str = "127.0.0.1:8000", protocol: str = "ws") -> Schema:
    """The AsyncAPI document of a service at `host`."""
    return {
        "asyncapi": SPECIFICATION,
        "info": {
            "title": "HADUA",
            "version": version("hadua"),
            "description": "Emotion predictions from EEG and eye tracking, live.",
        },
        "defaultContentType": "application/json",
        "servers": {"service": {"host": host, "protocol": protocol}},
        "channels": {
            "allSessions": _channel("/api/v1/ws", "Every session, from now on.", AllSessions),
            "oneSession": _channel("/api/v1/sessions/{session_id}/ws", "One session.", OneSession)
            | {"parameters": {"session_id": {"description": "Id of a session, as `demo`."}}},
        },
        "operations": {
            "followAllSessions": _operation("allSessions"),
            "followOneSession": _operation("oneSession"),
        },
        "components": {
            "messages": {name: _message(name, frame) for name, frame in frames().items()},
            "schemas": schemas.components(frames().values()),
        },
    }


def frames() -> dict[str, type[Frame]]:
    """Every frame of the contract, by its `type`."""
    return {str(frame.__struct_config__.tag): frame for frame in Frame.__subclasses__()}


def _channel(address: str, summary: str, query: type[AllSessions]) -> Schema:
    return {
        "address": address,
        "summary": summary,
        "description": CLOSES.replace("\n", " ").strip(),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in frames()},
        "bindings": {
            "ws": {"method": "GET", "query": _query(query), "bindingVersion": "0.1.0"},
        },
    }


def _query(query: type[AllSessions]) -> Schema:
    schema = query.model_json_schema()
    return {key: schema[key] for key in ("type", "properties", "additionalProperties")}


def _operation(channel: str) -> Schema:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}


def _message(name: str, frame: type[Frame]) -> Schema:
    return {
        "name": name,
        "title": frame.__name__,
        "summary": schemas.summary(frame),
        "payload": schemas.reference(frame),
    }
