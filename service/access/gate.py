"""The gate: where a request comes from, who sends it, and whether they may."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from starlette.requests import HTTPConnection

from hadua.service.access.errors import (
    RoleTooLowError,
    TokenMissingError,
    TokenRefusedError,
    TooManyRequestsError,
)
from hadua.service.access.places import Places
from hadua.service.access.roles import LOCAL, Principal, Role
from hadua.service.access.tickets import Tickets
from hadua.service.rate_limit import RateLimit

FAILURES_A_MINUTE = 10
ADDRESSES_KEPT = 10_000
_SCHEME = "bearer "


class TokenReader(Protocol):
    """Knows the tokens that are in force."""

    def forget(self) -> None:
        """Look anew at the next question."""
        ...

    async def principal_of(self, token: str) -> Principal | None:
        """Whose token it is, or None."""
        ...


class Gate:
    """Lets requests pass, or says why not.

    Args:
        places: Our names, and the pages that may ask.
        tokens: Whoever asks must have one; None lets everybody in as `LOCAL`.
        clock: Monotonic seconds now.
        requests_per_s: Of one address, on average over ten seconds.
    """

    def __init__(
        self,
        places: Places,
        tokens: TokenReader | None,
        *,
        clock: Callable[[], float],
        requests_per_s: float,
    ) -> None:
        self.places = places
        self.tickets = Tickets(clock=clock)
        self._tokens = tokens
        self._clock = clock
        self._most = max(int(requests_per_s * 10.0), 1)
        self._asked: OrderedDict[str, RateLimit] = OrderedDict()
        self._failed: OrderedDict[str, RateLimit] = OrderedDict()

    @property
    def asks_for_tokens(self) -> bool:
        """Whether anybody has to say who they are."""
        return self._tokens is not None

    def forget_tokens(self) -> None:
        """Ask the database for the tokens in force at the next request."""
        if self._tokens is not None:
            self._tokens.forget()

    async def admit(self, connection: HTTPConnection, role: Role) -> Principal:
        """Who asks, if they may.

        Raises:
            HostRefusedError, OriginRefusedError: from the wrong place.
            TooManyRequestsError: too often.
            TokenMissingError, TokenRefusedError: nobody we know.
            RoleTooLowError: somebody who may not.
        """
        self.places.require(connection)
        address = connection.client.host if connection.client else ""
        self._limit(self._asked, address, n=self._most, span_s=10.0, what="requests")
        principal = await self._identify(connection, address)
        if principal.role.rank < role.rank:
            raise RoleTooLowError(
                f"{principal.name!r} may not do this",
                got=f"the role {str(principal.role)!r}",
                expected=f"{str(role)!r}",
                hint="Ask for a token with that role: hadua tokens add NAME --role ROLE.",
            )
        return principal

    async def _identify(self, connection: HTTPConnection, address: str) -> Principal:
        if self._tokens is None:
            return LOCAL
        ticket = connection.query_params.get("ticket")
        if ticket is not None and connection.scope["type"] == "websocket":
            return self.tickets.take(ticket)
        header = connection.headers.get("authorization", "")
        if not header.lower().startswith(_SCHEME):
            raise TokenMissingError(
                "this service wants to know who asks",
                expected="a header Authorization: Bearer TOKEN",
                hint="An admin gives one: hadua tokens add NAME --role viewer.",
            )
        principal = await self._tokens.principal_of(header[len(_SCHEME) :].strip())
        if principal is None:
            self._limit(
                self._failed, address, n=FAILURES_A_MINUTE, span_s=60.0, what="unknown tokens"
            )
            raise TokenRefusedError(
                "this token is not known here",
                expected="a token in force",
                hint="Was it revoked, or is it of another service?",
            )
        return principal

    def _limit(
        self, seen: "OrderedDict[str, RateLimit]", address: str, *, n: int, span_s: float, what: str
    ) -> None:
        limit = seen.pop(address, None) or RateLimit(n, span_s=span_s, clock=self._clock)
        seen[address] = limit  # the newest last
        if len(seen) > ADDRESSES_KEPT:
            seen.popitem(last=False)
        if not limit.allows():
            raise TooManyRequestsError(
                f"too many {what} from {address}",
                expected=f"at most {n} in {span_s:g} s",
                hint="Wait a little; the setting requests_per_s may be raised.",
            )
