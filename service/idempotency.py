"""`Idempotency-Key`: a request that is sent twice, because its answer was lost, is done once.

The same key and body give the same answer, with `Idempotent-Replayed: true`; another body is
refused. Only success is remembered: what was refused did nothing, and may be tried again.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.responses import Response

from hadua.service.remembered import Answer, Place, RememberedAnswers
from hadua.service.service import service_of

REPLAYED = "Idempotent-Replayed"
ONCE = ("request-in-progress", "idempotency-key-reused")  # problems of a route that asks for Once

_IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text, new for every request, the same when one is sent again: the request "
        "is then carried out once. Kept for an hour, the newest thousand.",
    ),
]


class OnceOnly:
    """Carries a request out, or gives the answer that it had.

    Args:
        remembered: Answers of earlier requests.
        place: Who asks for what, under which key; None without a key.
        digest: Of the body.
    """

    def __init__(
        self, remembered: RememberedAnswers, *, place: Place | None, digest: bytes
    ) -> None:
        self._remembered = remembered
        self._place = place
        self._digest = digest

    async def __call__(self, work: Callable[[], Awaitable[Response]]) -> Response:
        """The answer of `work`, now or when it was first asked for.

        Raises:
            KeyReusedError: the first request had another body.
            RequestInProgressError: the first request is still at work.
        """
        if self._place is None:
            return await work()
        known = self._remembered.find(self._place, digest=self._digest)
        if known is not None:
            headers = {**known.headers, REPLAYED: "true"}
            return Response(known.body, status_code=known.status, headers=headers)
        return await self._first(self._place, work)

    async def _first(self, place: Place, work: Callable[[], Awaitable[Response]]) -> Response:
        done = False
        try:
            response = await work()
            self._remembered.keep(place, _answer(response))
            done = True
            return response
        finally:
            if not done:
                self._remembered.forget(place)


async def _once_only(request: Request, key: _IdempotencyKey = None) -> OnceOnly:
    place = None if key is None else (_who(request), request.method, str(request.url), key)
    digest = hashlib.sha256(await request.body()).digest()
    return OnceOnly(service_of(request).remembered, place=place, digest=digest)


Once = Annotated[OnceOnly, Depends(_once_only)]


def _who(request: Request) -> str:
    """Whoever shows other credentials is somebody else, whose answers are not theirs."""
    shown = "\n".join(request.headers.get(name, "") for name in ("authorization", "cookie"))
    return hashlib.sha256(shown.encode()).hexdigest()


def _answer(response: Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), bytes(response.body))
