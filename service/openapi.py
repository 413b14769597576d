"""`/openapi.json`: every route with every status that it can end in.

A route says with `answers` what it answers and which problems it may end in. Shapes are msgspec
structs, which FastAPI does not know; `install` adds their schemas to the document.
"""

from collections import defaultdict

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hadua.service import problems
from hadua.service.problems import Problem

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_WITH_BODY = ("http-error", "body-too-large", "invalid-request")  # any request with a body

Responses = dict[int | str, dict[str, object]]
_shapes: set[type] = {Problem}  # that a route answers with


def answers(shape: type, *codes: str, status: int = 200, body: bool = False) -> Responses:
    """The `responses` of a route.

    Args:
        shape: Struct of the answer.
        codes: Problems that the route itself may end in; each has a status in `problems`.
        status: Of the answer.
        body: Whether the request carries one, which may be unreadable, too large or wrong.
    """
    _shapes.add(shape)
    told: Responses = {status: {"description": _summary(shape), "content": _content(shape)}}
    return told | refusals(*codes, *(_WITH_BODY if body else ()))


def also(shape: type, *, status: int) -> Responses:
    """A further answer of a route that is no problem document."""
    return answers(shape, status=status)


def refusals(*codes: str) -> Responses:
    """The problem documents that a route may end in, by status."""
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[problems.status_of(code)].append(code)
    return {status: _refusal(mine) for status, mine in sorted(by_status.items())}


def install(app: FastAPI) -> None:
    """Let the application describe itself with the schemas of our structs."""

    def openapi() -> dict[str, object]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, object]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, ours = msgspec.json.schema_components(
        sorted(_shapes, key=lambda shape: shape.__name__),
        schema_hook=_anything,
        ref_template=_REF,
    )
    document.setdefault("components", {}).setdefault("schemas", {}).update(ours)
    # FastAPI adds a 422 of its own wherever there is a parameter, also to what never fails.
    for operation in [o for path in document["paths"].values() for o in path.values()]:
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def _anything(kind: type) -> dict[str, object]:
    if kind is object:
        return {"description": "Any value."}
    raise NotImplementedError(kind)


def _refusal(codes: list[str]) -> dict[str, object]:
    one_of = {"properties": {"code": {"enum": codes}}}
    schema = {"allOf": [{"$ref": _REF.format(name=Problem.__name__)}, one_of]}
    content = {problems.MEDIA_TYPE: {"schema": schema}}
    return {"description": f"A problem document: {', '.join(codes)}", "content": content}


def _content(shape: type) -> dict[str, object]:
    return {_JSON: {"schema": {"$ref": _REF.format(name=shape.__name__)}}}


def _summary(shape: type) -> str:
    return (shape.__doc__ or shape.__name__).partition("\n")[0]
