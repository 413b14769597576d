"""The page of REST routes, from the OpenAPI document."""

from collections.abc import Mapping

import msgspec

from hadua.service.access.roles import EXTENSION, role_for
from reference_pages.schema import Field, cell, kind, shapes

_PROBLEM = "application/problem+json"
# Where somebody has to say who they are, any request may end in these.
_AT_THE_GATE = (
    *("token-missing", "token-refused", "origin-refused"),
    *("host-refused", "role-too-low", "too-many-requests"),
)


class Parameter(msgspec.Struct, frozen=True):
    """What a request may carry beside its body."""

    name: str
    place: str = msgspec.field(name="in")
    schema: Field
    description: str = ""


class Content(msgspec.Struct, frozen=True):
    """A body of one media type."""

    schema: Field


class Body(msgspec.Struct, frozen=True):
    """A request's body, or an answer."""

    description: str = ""
    content: dict[str, Content] = msgspec.field(default_factory=dict)


class Operation(msgspec.Struct, frozen=True):
    """One method of one path."""

    responses: dict[str, Body]
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = msgspec.field(default=None, name="requestBody")
    role: str | None = msgspec.field(default=None, name=EXTENSION)


class Components(msgspec.Struct, frozen=True):
    """Shapes by their name."""

    schemas: dict[str, Field]


class Document(msgspec.Struct, frozen=True):
    """As much of an OpenAPI document as the page tells."""

    paths: dict[str, dict[str, Operation]]
    components: Components


def rest_page(openapi: Mapping[str, object]) -> str:
    """Every route: who may, what it takes, what it answers, which problems it may end in."""
    document = msgspec.convert(openapi, Document)
    routes = [
        _route(path, method.upper(), operation)
        for path, operations in document.paths.items()
        for method, operation in operations.items()
    ]
    return "\n\n".join(
        [
            "# REST routes",
            "Made from `/openapi.json`. Roles matter where tokens are asked for "
            "([who may use the service](../access.md)); problems are described in "
            "[problems](../problems.md). Every route with a role may also end in "
            + ", ".join(f"`{code}`" for code in _AT_THE_GATE)
            + ". Answers are JSON.",
            "## Routes",
            *routes,
            "## Shapes",
            shapes(document.components.schemas),
        ]
    )


def _route(path: str, method: str, operation: Operation) -> str:
    parts = [
        f"### `{method} {path}`",
        operation.description.strip(),
        _facts(path, method, operation),
    ]
    if operation.parameters:
        rows = [
            f"| `{p.name}` | {p.place} | {kind(p.schema)} | {cell(p.description)} |"
            for p in operation.parameters
        ]
        parts.append("\n".join(["| parameter | in | kind | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _facts(path: str, method: str, operation: Operation) -> str:
    rows = [f"| role | {_role(path, method, operation)} |"]
    if operation.body is not None:
        rows.append(f"| body | {_shape(operation.body)} |")
    problems = []
    for status, answer in operation.responses.items():
        if _PROBLEM in answer.content:
            codes = answer.description.partition(": ")[2].split(", ")
            problems += [f"`{code}` ({status})" for code in codes if code not in _AT_THE_GATE]
        else:
            rows.append(f"| {status} | {_shape(answer)} |")
    if problems:
        rows.append(f"| problems | {', '.join(problems)} |")
    return "\n".join(["| | |", "|---|---|", *rows])


def _role(path: str, method: str, operation: Operation) -> str:
    if "401" not in operation.responses:
        return "open: asks nobody"
    return str(role_for(method, {EXTENSION: operation.role} if operation.role else None))


def _shape(body: Body) -> str:
    told = [kind(content.schema) for content in body.content.values() if content.schema != Field()]
    return " or ".join(told) or cell(body.description)
