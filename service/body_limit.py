"""Bounds on the body of a request: how long it may be, and how long it may take to come.

Parsing it holds up the loop, and with it every client; waiting for it holds a connection.
"""

import asyncio
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 8 * 2**20
BODY_S = 30.0
_DRAINED = 16  # times that much is read and thrown away, so that the sender hears the answer


class BodyLimit:
    """ASGI middleware: a body that is too long ends in 413, and is never held in memory.

    One that is not there in time ends in 408.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES, body_s: float = BODY_S
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything but bodies that are too long, or too slow."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen, is_whole = 0, False
        until_s = asyncio.get_running_loop().time() + self._body_s

        async def timely() -> Message:
            nonlocal seen, is_whole
            if is_whole:  # what is waited for is the end of the connection
                return await receive()
            try:
                async with asyncio.timeout_at(until_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    HTTPStatus.REQUEST_TIMEOUT, f"a whole body within {self._body_s:g} s"
                ) from None
            seen += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            return message

        async def limited() -> Message:
            message = await timely()
            if seen <= self._max_bytes:
                return message
            while message.get("more_body", False) and seen <= _DRAINED * self._max_bytes:
                message = await timely()
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body of at most {self._max_bytes} bytes"
            )

        await self._app(scope, limited, send)
