"""The tokens of the database, read again every second or two."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from hadua.service.access.roles import Principal, Role
from hadua.service.access.secrets import digest_of, matching
from hadua.service.storage.records import TokenRecord

FRESH_S = 2.0  # a token that was revoked is worth something for that long at most

Reader = Callable[[], Awaitable[Mapping[str, TokenRecord]]]


class StoredTokens:
    """Knows which tokens are in force, without a question to the database per request.

    Args:
        read: Asks the database, in a thread.
        clock: Monotonic seconds now.
    """

    def __init__(self, read: Reader, *, clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._known: Mapping[str, TokenRecord] = {}
        self._until_s: float | None = None
        self._reading = asyncio.Lock()

    def forget(self) -> None:
        """Ask the database at the next question."""
        self._until_s = None

    async def principal_of(self, token: str) -> Principal | None:
        """Whose token it is, or None."""
        async with self._reading:
            if self._until_s is None or self._clock() > self._until_s:
                self._known = await self._read()
                self._until_s = self._clock() + FRESH_S
        found = matching(digest_of(token), self._known)
        if found is None:
            return None
        record = self._known[found]
        return Principal(record.name, Role(record.role))
