"""`/openapi.json`: every route with every status that it can end in.

A route says with `answers` what it answers and which problems it may end in. Shapes are msgspec
structs, which FastAPI does not know; `install` adds their schemas to the document.
"""

from collections import defaultdict

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hadua.service import problems, schemas
from hadua.service.problem import Problem

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
    told: Responses = {status: {"description": schemas.summary(shape), "content": _content(shape)}}
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
    ours = schemas.components(_shapes)
    document.setdefault("components", {}).setdefault("schemas", {}).update(ours)
    # FastAPI adds a 422 of its own wherever there is a parameter, also to what never fails.
    for operation in [o for path in document["paths"].values() for o in path.values()]:
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def _refusal(codes: list[str]) -> dict[str, object]:
    one_of = {"properties": {"code": {"enum": codes}}}
    schema = {"allOf": [schemas.reference(Problem), one_of]}
    content = {problems.MEDIA_TYPE: {"schema": schema}}
    return {"description": f"A problem document: {', '.join(codes)}", "content": content}


def _content(shape: type) -> dict[str, object]:
    return {_JSON: {"schema": schemas.reference(shape)}}
