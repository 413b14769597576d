"""Tickets: a browser cannot send a header with a WebSocket, and a token belongs in no URL."""

from collections import OrderedDict
from collections.abc import Callable

from hadua.service.access.errors import TokenRefusedError
from hadua.service.access.roles import Principal
from hadua.service.access.secrets import digest_of, new_token

VALID_S = 30.0
MOST = 1000


class Tickets:
    """Each opens one connection, soon, for whom it was given.

    Args:
        clock: Monotonic seconds now.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def give(self, principal: Principal) -> str:
        """A new ticket; where too many wait to be used, the oldest loses its worth."""
        ticket = new_token()
        self._given[digest_of(ticket)] = (principal, self._clock() + VALID_S)
        if len(self._given) > MOST:
            self._given.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> Principal:
        """Whom a ticket was given to; it is worth nothing from now on.

        Raises:
            TokenRefusedError: it was used, is too old, or was never given.
        """
        principal, until_s = self._given.pop(digest_of(ticket), (None, 0.0))
        if principal is None or self._clock() > until_s:
            raise TokenRefusedError(
                "this ticket opens nothing",
                expected=f"one that was given in the last {VALID_S:g} s and not used",
                hint="POST /api/v1/tickets gives another.",
            )
        return principal
