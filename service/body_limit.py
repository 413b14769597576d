"""A bound on what a request may carry: parsing it holds up the loop, and with it every client."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 8 * 2**20
_DRAINED = 16  # times that much is read and thrown away, so that the sender hears the answer


class BodyLimit:
    """ASGI middleware: a body that is too long ends in 413, and is never held in memory."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything but bodies that are too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen <= self._max_bytes:
                return message
            while message.get("more_body", False) and seen <= _DRAINED * self._max_bytes:
                message = await receive()
                seen += len(message.get("body", b""))
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body of at most {self._max_bytes} bytes"
            )

        await self._app(scope, limited, send)
