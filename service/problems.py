"""Every failed request ends in a problem document (RFC 9457), never in a traceback."""

import reprlib
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from hadua.models.errors import HaduaError
from hadua.service.config import expectation
from hadua.service.problem import Problem
from hadua.service.unforeseen import of_machine

MEDIA_TYPE = "application/problem+json"
SHOWN = 120  # characters of a value that was refused

_STATUS = {
    "bad-usage": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-input": HTTPStatus.UNPROCESSABLE_ENTITY,
    "feature-mismatch": HTTPStatus.UNPROCESSABLE_ENTITY,
    "stream-not-found": HTTPStatus.NOT_FOUND,
    "stream-ambiguous": HTTPStatus.CONFLICT,
    "stream-invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "stream-lost": HTTPStatus.CONFLICT,
    "stream-silent": HTTPStatus.CONFLICT,
    "recording-invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "session-unknown": HTTPStatus.NOT_FOUND,
    "session-exists": HTTPStatus.CONFLICT,
    "recording-active": HTTPStatus.CONFLICT,
    "session-over": HTTPStatus.CONFLICT,
    "disk-full": HTTPStatus.INSUFFICIENT_STORAGE,
    "recording-failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "limit-reached": HTTPStatus.SERVICE_UNAVAILABLE,
    "origin-refused": HTTPStatus.FORBIDDEN,
    "host-refused": HTTPStatus.FORBIDDEN,
    "role-too-low": HTTPStatus.FORBIDDEN,
    "token-missing": HTTPStatus.UNAUTHORIZED,
    "token-refused": HTTPStatus.UNAUTHORIZED,
    "token-exists": HTTPStatus.CONFLICT,
    "token-unknown": HTTPStatus.NOT_FOUND,
    "too-many-requests": HTTPStatus.TOO_MANY_REQUESTS,
    "service-stopping": HTTPStatus.SERVICE_UNAVAILABLE,
    "runtime-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "bundle-invalid": HTTPStatus.SERVICE_UNAVAILABLE,
    "cursor-unknown": HTTPStatus.UNPROCESSABLE_ENTITY,
    "profile-invalid": HTTPStatus.CONFLICT,
    "participant-unknown": HTTPStatus.NOT_FOUND,
    "participant-exists": HTTPStatus.CONFLICT,
    "participant-busy": HTTPStatus.CONFLICT,
    "consent-missing": HTTPStatus.CONFLICT,
    "participant-missing": HTTPStatus.CONFLICT,
    "session-not-running": HTTPStatus.CONFLICT,
    "calibration-unknown": HTTPStatus.NOT_FOUND,
    "calibration-active": HTTPStatus.CONFLICT,
    "calibration-failed": HTTPStatus.CONFLICT,
    "mapping-unknown": HTTPStatus.NOT_FOUND,
    "model-unknown": HTTPStatus.NOT_FOUND,
    "booth-unknown": HTTPStatus.NOT_FOUND,
    "cluster-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "fit-unknown": HTTPStatus.NOT_FOUND,
    "fit-refused": HTTPStatus.CONFLICT,
    "mapping-changed": HTTPStatus.CONFLICT,
    "storage-failed": HTTPStatus.SERVICE_UNAVAILABLE,
    "request-in-progress": HTTPStatus.CONFLICT,
    "idempotency-key-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    # Made here, of no error of ours:
    "invalid-request": HTTPStatus.UNPROCESSABLE_ENTITY,
    "http-error": HTTPStatus.BAD_REQUEST,
    "not-found": HTTPStatus.NOT_FOUND,
    "method-not-allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "body-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "internal-error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "memory-short": HTTPStatus.SERVICE_UNAVAILABLE,
}

_log = structlog.get_logger("hadua.http")
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = SHOWN + 3


def codes() -> frozenset[str]:
    """Every `code` that a problem document of a known kind has."""
    return frozenset(_STATUS)


def status_of(code: str) -> int:
    """The HTTP status that a problem of this code has."""
    return int(_STATUS[code])


def of_error(error: HaduaError, *, instance: str | None = None) -> Problem:
    """The problem document of one of our errors."""
    return Problem(
        type=f"urn:hadua:problem:{error.code}",
        title=error.what,
        status=_STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR),
        code=error.code,
        detail=str(error),
        instance=instance,
        got=error.got,
        expected=error.expected,
        hint=error.hint,
    )


def response(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an HTTP response."""
    if (problem.instance or "").startswith("/v2"):  # whose clients look for `error`
        problem = msgspec.structs.replace(problem, error=problem.detail)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def install(app: FastAPI) -> None:
    """Answer every failure of the app's routes with a problem document."""
    app.add_exception_handler(HaduaError, _hadua_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(MemoryError, _machine_lacks)
    app.add_exception_handler(OSError, _machine_lacks)
    app.add_exception_handler(RuntimeError, _machine_lacks)  # a thread that cannot be started
    app.add_exception_handler(Exception, _unexpected_error)


async def _hadua_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HaduaError):
        raise error
    return response(of_error(error, instance=request.url.path), headers=_headers(error))


def _headers(error: HaduaError) -> Mapping[str, str]:
    status = status_of(error.code)
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="hadua"'}
    return {"Retry-After": "10"} if status == HTTPStatus.TOO_MANY_REQUESTS else {}


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first, n = error.errors()[0], len(error.errors())
    where = ".".join(str(part) for part in first["loc"] if first["type"] != "json_invalid")
    where = where or "body"
    more = f" ({n - 1} more)" if n > 1 else ""
    absent = first["type"] == "missing"
    return response(
        _plain(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            code="invalid-request",
            title=f"{where} cannot be right{more}",
            request=request,
            got="nothing" if absent else _fault(first) or _show(first.get("input")),
            expected=expectation(first),
            hint="/openapi.json describes every request.",
        )
    )


def _fault(first: Mapping[str, object]) -> str:
    """Where JSON stops being JSON; empty for every other fault."""
    context, where = first.get("ctx"), first["loc"]
    if first["type"] != "json_invalid" or not isinstance(context, dict):
        return ""
    at = f" at character {where[-1]}" if isinstance(where, tuple) else ""
    return f"{context.get('error')}{at}"


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    known = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}
    headers = {"Allow": _methods(request)} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    allowed = {
        400: "a body of JSON in UTF-8, not nested too deeply",
        405: headers.get("Allow"),
        408: error.detail,
        413: error.detail,
    }
    problem = _plain(
        status,
        code=known.get(status, "http-error"),
        title=status.phrase,
        request=request,
        got=f"{request.method} {request.url.path}",
        expected=allowed.get(status),
        hint="/openapi.json lists what there is.",
    )
    return response(problem, headers={**(error.headers or {}), **headers})


def _methods(request: Request) -> str:
    """What a path takes; Starlette names only the methods of the first route that it finds."""

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(r.matches(scope)[0] is Match.FULL for r in request.app.routes)

    return ", ".join(filter(taken, ("GET", "POST", "PUT", "PATCH", "DELETE")))


async def _machine_lacks(request: Request, error: Exception) -> Response:
    told = of_machine(error, where="this request")
    if told is None:
        raise error
    _log.error("request failed", path=request.url.path, error=str(told))
    return response(of_error(told, instance=request.url.path), headers={"Retry-After": "5"})


async def _unexpected_error(request: Request, error: Exception) -> Response:
    _log.error("request failed", path=request.url.path, error=type(error).__name__)
    return response(
        _plain(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            code="internal-error",
            title="The service failed at this request",
            request=request,
            hint="The log says where. Please report it.",
        )
    )


def _plain(
    status: HTTPStatus,
    *,
    code: str,
    title: str,
    request: Request,
    got: str | None = None,
    expected: str | None = None,
    hint: str | None = None,
) -> Problem:
    facts = HaduaError(title, got=got, expected=expected, hint=hint)
    return Problem(
        type=f"urn:hadua:problem:{code}",
        title=title,
        status=int(status),
        code=code,
        detail=str(facts),
        instance=request.url.path,
        got=got,
        expected=expected,
        hint=hint,
    )


def _show(value: object) -> str:
    text = _shown.repr(value)  # looks at the beginning only: a body may have millions of values
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
