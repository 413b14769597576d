"""Who one is, tickets for browsers, and the tokens of others."""

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hadua.service.access.roles import Role, needs
from hadua.service.access.tickets import VALID_S
from hadua.service.answers import NewToken, Ticket, TokenList, Who
from hadua.service.openapi import answers
from hadua.service.requests import AddToken
from hadua.service.rest import Asked, Asker, answer, api_router

router: APIRouter = api_router("access")
_STORED = ("storage-failed", "service-stopping")


@router.get("/whoami", responses=answers(Who))
async def whoami(asked: Asked, asker: Asker) -> Response:
    """Who asks, and what they may do."""
    return answer(Who(name=asker.name, role=str(asker.role), with_token=asked.gate.asks_for_tokens))


@router.post(
    "/tickets",
    status_code=201,
    responses=answers(Ticket, status=201),
    openapi_extra=needs(Role.VIEWER),
)
async def give_ticket(asked: Asked, asker: Asker) -> Response:
    """A ticket that opens one WebSocket, sent as `?ticket=` where no header can be sent."""
    ticket = asked.gate.tickets.give(asker)
    return answer(Ticket(ticket=ticket, valid_s=VALID_S), status=201)


@router.get("/tokens", responses=answers(TokenList, *_STORED), openapi_extra=needs(Role.ADMIN))
async def list_tokens(asked: Asked) -> Response:
    """Tokens in force: whose, and what they allow."""
    known = await asked.blocking(asked.pool, asked.storage.tokens)
    return answer(TokenList(tokens=tuple(known.values())))


@router.post(
    "/tokens",
    status_code=201,
    responses=answers(NewToken, "token-exists", *_STORED, status=201, body=True),
    openapi_extra=needs(Role.ADMIN),
)
async def add_token(asked: Asked, asker: Asker, body: AddToken) -> Response:
    """A new token. It is shown in this answer and never again."""
    add = functools.partial(asked.storage.add_token, body.name, body.role, actor=asker.name)
    token = await asked.blocking(asked.pool, add)
    asked.gate.forget_tokens()
    return answer(NewToken(name=body.name, role=str(body.role), token=token), status=201)


@router.delete(
    "/tokens/{name}",
    responses=answers(TokenList, "token-unknown", *_STORED),
    openapi_extra=needs(Role.ADMIN),
)
async def revoke_token(
    asked: Asked, asker: Asker, name: Annotated[str, Path(description="Name of a token.")]
) -> Response:
    """Take a token out of force; it is worth nothing within two seconds. What is left in force."""
    revoke = functools.partial(asked.storage.revoke_token, name, actor=asker.name)
    await asked.blocking(asked.pool, revoke)
    asked.gate.forget_tokens()
    known = await asked.blocking(asked.pool, asked.storage.tokens)
    return answer(TokenList(tokens=tuple(known.values())))
