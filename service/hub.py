"""From sessions to clients: each client has a small queue of its own, which no other waits for.

Everything here runs on the event loop, so nothing is locked.
"""

import asyncio

from hadua.service.connection import framed
from hadua.service.journal import Published
from hadua.service.subscriber import Subscriber


class Hub:
    """All clients. Publishing never waits for one of them."""

    def __init__(self) -> None:
        self.empty = asyncio.Event()  # set while there is nobody
        self.empty.set()
        self._subscribers: set[Subscriber] = set()
        self._closed: str | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def closed(self) -> bool:
        """Whether the service is saying goodbye."""
        return self._closed is not None

    def add(self, subscriber: Subscriber) -> None:
        """From now on it receives what is published."""
        self._subscribers.add(subscriber)
        self.empty.clear()
        if self._closed is not None:
            subscriber.say_goodbye(self._closed)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a client; nothing happens if it is not known."""
        subscriber.close()
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self.empty.set()

    def publish(self, item: Published) -> int:
        """Offer a frame, framed once, to everybody whom it concerns; how many have it at once."""
        frame = framed(item.text) if self._subscribers else b""
        n = 0
        for subscriber in self._subscribers:
            if subscriber.session_id in (None, item.session_id):
                try:
                    n += subscriber.offer(item, frame)
                except MemoryError:  # this client's loss, and nobody else's
                    subscriber.give_up()
        return n

    def close(self, reason: str) -> None:
        """Say goodbye to everybody, also to those who come later."""
        self._closed = reason
        for subscriber in self._subscribers:
            subscriber.say_goodbye(reason)
